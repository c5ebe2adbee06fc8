package awsjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

var timeType = reflect.TypeFor[time.Time]()

// Decode sets the fields of input, a pointer to one of the SDK's inputs, to the members of body; an empty body is an empty structure. The error is a fault with the code
// SerializationException, which names the member; input is spoilt then. The caller bounds the size of body, of which nothing is kept.
func Decode(body []byte, input any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	if err := checkDepth(body); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return serialization("The body is not valid JSON: %v", describe(err))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return serialization("The body is not valid JSON: there is more after the structure")
	}
	members, ok := v.(map[string]any)
	if !ok {
		return serialization("%s can not be converted to a structure", token(v))
	}
	return structure(members, reflect.ValueOf(input).Elem(), "")
}

func describe(err error) string {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "unexpected end of input"
	}
	return err.Error()
}

// checkDepth bounds the nesting before the body is taken apart.
func checkDepth(body []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return serialization("The body nests more than %d levels", MaxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

func structure(members map[string]any, to reflect.Value, path string) error {
	t := to.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		v, ok := members[f.Name]
		if !ok || v == nil || !f.IsExported() || f.Anonymous {
			continue
		}
		if err := assign(v, to.Field(i), join(path, f.Name)); err != nil {
			return err
		}
	}
	return nil
}

func join(path, member string) string {
	if path == "" {
		return member
	}
	return path + "." + member
}

// assign sets one field, or one element of a list, to a value that is not null.
func assign(v any, to reflect.Value, path string) error {
	if to.Type() == timeType {
		return assignTime(v, to, path)
	}
	switch to.Kind() {
	case reflect.Pointer:
		p := reflect.New(to.Type().Elem())
		if err := assign(v, p.Elem(), path); err != nil {
			return err
		}
		to.Set(p)
		return nil
	case reflect.Struct:
		members, ok := v.(map[string]any)
		if !ok {
			return wrongType(v, "a structure", path)
		}
		return structure(members, to, path)
	case reflect.Slice:
		return assignList(v, to, path)
	case reflect.String:
		s, ok := v.(string)
		if !ok {
			return wrongType(v, "a String", path)
		}
		to.SetString(s)
		return nil
	case reflect.Bool:
		b, ok := v.(bool)
		if !ok {
			return wrongType(v, "a Boolean", path)
		}
		to.SetBool(b)
		return nil
	case reflect.Int32, reflect.Int64, reflect.Float64:
		return assignNumber(v, to, path)
	}
	panic("awsjson: input has a member of type " + to.Type().String())
}

func assignNumber(v any, to reflect.Value, path string) error {
	name := "an Integer"
	if to.Kind() == reflect.Float64 {
		name = "a Double"
	}
	n, ok := v.(json.Number)
	if !ok {
		return wrongType(v, name, path)
	}
	var err error
	if to.Kind() == reflect.Float64 {
		var f float64
		f, err = n.Float64()
		to.SetFloat(f)
	} else {
		var i int64
		i, err = strconv.ParseInt(strings.TrimSuffix(n.String(), ".0"), 10, to.Type().Bits())
		to.SetInt(i)
	}
	if err != nil {
		return serialization("%s: the number %.40s can not be converted to %s", path, n, name)
	}
	return nil
}

func assignList(v any, to reflect.Value, path string) error {
	items, ok := v.([]any)
	if !ok {
		return wrongType(v, "a list", path)
	}
	list := reflect.MakeSlice(to.Type(), 0, len(items))
	for i, item := range items {
		if item == nil {
			continue
		}
		e := reflect.New(to.Type().Elem()).Elem()
		if err := assign(item, e, path+"["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
		list = reflect.Append(list, e)
	}
	to.Set(list)
	return nil
}

// assignTime takes seconds since 1970, fractions allowed, up to the year 9999.
func assignTime(v any, to reflect.Value, path string) error {
	n, ok := v.(json.Number)
	if !ok {
		return wrongType(v, "a Timestamp", path)
	}
	const last = 253402300799
	f, err := n.Float64()
	if err != nil || f < -last || f > last {
		return serialization("%s: the number %.40s can not be converted to a Timestamp", path, n)
	}
	seconds := math.Floor(f)
	to.Set(reflect.ValueOf(time.Unix(int64(seconds), int64(math.Round((f-seconds)*1e3))*1e6).UTC()))
	return nil
}

func wrongType(v any, want, path string) error {
	return serialization("%s: %s can not be converted to %s", path, token(v), want)
}

// token is the name of a value's type in the service's messages.
func token(v any) string {
	switch v := v.(type) {
	case string:
		return "STRING_VALUE"
	case json.Number:
		return "NUMBER_VALUE"
	case bool:
		if v {
			return "TRUE_VALUE"
		}
		return "FALSE_VALUE"
	case []any:
		return "START_ARRAY"
	case map[string]any:
		return "START_OBJECT"
	}
	return "NULL_VALUE"
}
