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

// Unmarshal reads an operation's input from body into in, a pointer to an SDK struct. An empty body is an empty structure; members that the struct does not have are ignored;
// of members that come twice the last one counts. An empty structure makes a pointer that is not nil, because clients leave out zeros: "ReplicaConfiguration": {} asks for 0
// replicas. Whatever else is wrong with body is a *SerializationError. The caller bounds the size of body, which Unmarshal does not keep.
func Unmarshal(body []byte, in any) error {
	v := reflect.ValueOf(in)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("awsjson: cannot read into %T, which is not a pointer to a struct", in)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	var document json.RawMessage
	if err := json.Unmarshal(body, &document); err != nil {
		return &SerializationError{Reason: err.Error(), Err: err}
	}
	tokens := json.NewDecoder(bytes.NewReader(body))
	tokens.UseNumber()
	d := decoder{tokens: tokens}
	tok, err := d.next("")
	if err != nil {
		return err
	}
	if tok != json.Delim('{') {
		return &SerializationError{Reason: "Start of structure or map expected."}
	}
	return d.structure(v.Elem(), "", 1)
}

// decoder walks the tokens of a document that is known to be well formed.
type decoder struct {
	tokens *json.Decoder
}

func (d *decoder) next(path string) (json.Token, error) {
	tok, err := d.tokens.Token()
	if err != nil {
		return nil, &SerializationError{Path: path, Reason: err.Error(), Err: err}
	}
	return tok, nil
}

// structure reads the members of a structure whose opening brace has been read.
func (d *decoder) structure(v reflect.Value, path string, depth int) error {
	if depth > MaxDepth {
		return tooDeep(path)
	}
	for d.tokens.More() {
		name, err := d.next(path)
		if err != nil {
			return err
		}
		member := join(path, name.(string)) //nolint:forcetypeassert // the name of a member is a string in any well-formed document
		tok, err := d.next(member)
		if err != nil {
			return err
		}
		f, ok := v.Type().FieldByName(name.(string)) //nolint:forcetypeassert // as above
		switch {
		case !ok || !isMember(f):
			err = d.skip(tok, member, depth)
		case tok == nil:
			v.FieldByIndex(f.Index).SetZero()
		default:
			err = d.value(tok, v.FieldByIndex(f.Index), member, depth)
		}
		if err != nil {
			return err
		}
	}
	_, err := d.next(path)
	return err
}

// value reads what starts with tok, which is not null, into v.
func (d *decoder) value(tok json.Token, v reflect.Value, path string, depth int) error {
	switch {
	case v.Kind() == reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		if err := d.value(tok, p.Elem(), path, depth); err != nil {
			return err
		}
		v.Set(p)
		return nil
	case v.Type() == timeType:
		return setTime(tok, v, path)
	case v.Kind() == reflect.Struct:
		if tok != json.Delim('{') {
			return mismatch(tok, "a structure", path)
		}
		return d.structure(v, path, depth+1)
	case v.Kind() == reflect.Slice:
		if tok != json.Delim('[') {
			return mismatch(tok, "a list", path)
		}
		return d.list(v, path, depth+1)
	default:
		return setScalar(tok, v, path)
	}
}

// list reads the elements of a list whose opening bracket has been read. A list of the API has no room for null.
func (d *decoder) list(v reflect.Value, path string, depth int) error {
	if depth > MaxDepth {
		return tooDeep(path)
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	for i := 0; d.tokens.More(); i++ {
		at := path + "[" + strconv.Itoa(i) + "]"
		tok, err := d.next(at)
		if err != nil {
			return err
		}
		if tok == nil {
			return &SerializationError{Path: at, Reason: "NULL_VALUE can not be an element of a list"}
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		if err := d.value(tok, elem, at, depth); err != nil {
			return err
		}
		v.Set(reflect.Append(v, elem))
	}
	_, err := d.next(path)
	return err
}

// skip passes over the value that starts with tok.
func (d *decoder) skip(tok json.Token, path string, depth int) error {
	inside := 0
	for {
		switch tok {
		case json.Delim('{'), json.Delim('['):
			if inside++; depth+inside > MaxDepth {
				return tooDeep(path)
			}
		case json.Delim('}'), json.Delim(']'):
			inside--
		}
		if inside == 0 {
			return nil
		}
		var err error
		if tok, err = d.next(path); err != nil {
			return err
		}
	}
}

func setScalar(tok json.Token, v reflect.Value, path string) error {
	switch v.Kind() {
	case reflect.String:
		s, ok := tok.(string)
		if !ok {
			return mismatch(tok, "a String", path)
		}
		v.SetString(s)
	case reflect.Bool:
		b, ok := tok.(bool)
		if !ok {
			return mismatch(tok, "a Boolean", path)
		}
		v.SetBool(b)
	case reflect.Int32, reflect.Int64:
		n, ok := tok.(json.Number)
		if !ok {
			return mismatch(tok, "an Integer", path)
		}
		i, ok := integer(n)
		if !ok || v.OverflowInt(i) {
			return &SerializationError{Path: path, Reason: n.String() + " can not be converted to an Integer"}
		}
		v.SetInt(i)
	case reflect.Float64:
		n, ok := tok.(json.Number)
		if !ok {
			return mismatch(tok, "a Double", path)
		}
		f, err := n.Float64()
		if err != nil {
			return &SerializationError{Path: path, Reason: n.String() + " can not be converted to a Double", Err: err}
		}
		v.SetFloat(f)
	default:
		return fmt.Errorf("awsjson: %s is a %s, which has no wire form here", path, v.Type())
	}
	return nil
}

// integer is the whole number that n is, also when it is written as 3.0 or 3e0.
func integer(n json.Number) (int64, bool) {
	if i, err := n.Int64(); err == nil {
		return i, true
	}
	f, err := n.Float64()
	const exact = 1 << 53 // beyond it a float64 skips whole numbers
	if err != nil || f != math.Trunc(f) || math.Abs(f) > exact {
		return 0, false
	}
	return int64(f), true
}

// lastSecond is the end of the year 9999, the last that other wire forms of AWS can say.
const lastSecond = 253402300799

// setTime reads seconds since 1970, to the millisecond.
func setTime(tok json.Token, v reflect.Value, path string) error {
	n, ok := tok.(json.Number)
	if !ok {
		return mismatch(tok, "a Timestamp", path)
	}
	f, err := n.Float64()
	if err != nil || math.Abs(f) > lastSecond {
		return &SerializationError{Path: path, Reason: n.String() + " can not be converted to a Timestamp", Err: err}
	}
	v.Set(reflect.ValueOf(time.UnixMilli(int64(math.Round(f * 1000))).UTC()))
	return nil
}

// mismatch is the refusal of a value of the wrong kind, as AWS words it.
func mismatch(tok json.Token, wanted, path string) error {
	reason := ""
	switch t := tok.(type) {
	case json.Delim:
		reason = "Start of structure or map found where not expected."
		if t == '[' {
			reason = "Start of list found where not expected"
		}
	case string:
		reason = "STRING_VALUE can not be converted to " + wanted
	case json.Number:
		reason = "NUMBER_VALUE can not be converted to " + wanted
	case bool:
		reason = "FALSE_VALUE can not be converted to " + wanted
		if t {
			reason = "TRUE_VALUE can not be converted to " + wanted
		}
	}
	return &SerializationError{Path: path, Reason: reason}
}

func tooDeep(path string) error {
	return &SerializationError{Path: path, Reason: fmt.Sprintf("lists and structures nest deeper than %d levels", MaxDepth)}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
