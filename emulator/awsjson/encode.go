package awsjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
)

// Encode is the body for an output of the SDK's types. Members that are nil or an empty enumeration, and the SDK's own ResultMetadata, are left out; lists that are empty but not nil
// are written.
func Encode(output any) ([]byte, error) {
	var b bytes.Buffer
	v := reflect.ValueOf(output)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return nil, fmt.Errorf("encode %T: not a structure", output)
	}
	if err := encode(&b, v); err != nil {
		return nil, fmt.Errorf("encode %T: %w", output, err)
	}
	return b.Bytes(), nil
}

// EncodeFault is the body for an error: its code and what is said to the user.
func EncodeFault(code, message string) []byte {
	var b bytes.Buffer
	b.WriteString(`{"__type":`)
	writeString(&b, code)
	b.WriteString(`,"message":`)
	writeString(&b, message)
	b.WriteByte('}')
	return b.Bytes()
}

func encode(b *bytes.Buffer, v reflect.Value) error {
	if t, ok := v.Interface().(time.Time); ok {
		b.Write(strconv.AppendFloat(nil, math.Round(float64(t.UnixMilli()))/1e3, 'f', -1, 64))
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		return encode(b, v.Elem())
	case reflect.Struct:
		return encodeStructure(b, v)
	case reflect.Slice:
		b.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := encode(b, v.Index(i)); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case reflect.String:
		writeString(b, v.String())
	case reflect.Bool:
		b.WriteString(strconv.FormatBool(v.Bool()))
	case reflect.Int32, reflect.Int64:
		b.WriteString(strconv.FormatInt(v.Int(), 10))
	case reflect.Float64:
		b.Write(strconv.AppendFloat(nil, v.Float(), 'f', -1, 64))
	default:
		return fmt.Errorf("no form for %s", v.Type())
	}
	return nil
}

func encodeStructure(b *bytes.Buffer, v reflect.Value) error {
	b.WriteByte('{')
	first := true
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() || f.Anonymous || f.Name == "ResultMetadata" || absent(v.Field(i)) {
			continue
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		writeString(b, f.Name)
		b.WriteByte(':')
		if err := encode(b, v.Field(i)); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	b.WriteByte('}')
	return nil
}

func absent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice:
		return v.IsNil()
	case reflect.String: // an enumeration: plain strings are pointers
		return v.Len() == 0
	}
	return false
}

func writeString(b *bytes.Buffer, s string) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s)       // strings have a form and the buffer takes all
	b.Truncate(b.Len() - 1) // Encode ends the line
}
