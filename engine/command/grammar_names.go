package command

import "strings"

// choices are the documentation's names for sets of alternatives, by their names in order.
var choices = map[string]string{
	"nx xx":       "condition",
	"nx xx gt lt": "condition",
	"gt lt":       "comparison",
	"seconds milliseconds unix-time-seconds unix-time-milliseconds keepttl": "expiration",
	"seconds milliseconds unix-time-seconds unix-time-milliseconds persist": "expiration",
	"asc desc":                     "order",
	"left right":                   "where",
	"before after":                 "where",
	"min max":                      "where",
	"async sync":                   "async",
	"byscore bylex":                "sortby",
	"sum min max":                  "aggregate",
	"m km ft mi":                   "unit",
	"byte bit":                     "unit",
	"maxlen minid":                 "strategy",
	"equal approximately":          "operator",
	"module-name category pattern": "filterby",
}

// choiceName names alternatives: as the documentation does, else by all their names.
func choiceName(args []Argument) string {
	var names []string
	for _, a := range args {
		names = append(names, a.Name)
	}
	if name := choices[strings.Join(names, " ")]; name != "" {
		return name
	}
	return joinNames(args)
}

func joinNames(args []Argument) string {
	var names []string
	for _, a := range args {
		names = append(names, a.Name)
	}
	return strings.Join(names, "_")
}

// types are the types of arguments that are not strings, by name.
var types = map[string]string{
	"key": "key", "newkey": "key", "source": "key", "destination": "key", "key1": "key", "key2": "key",

	"pattern": "pattern",

	"count": "integer", "seconds": "integer", "milliseconds": "integer", "offset": "integer", "start": "integer", "end": "integer", "stop": "integer",
	"decrement": "integer", "increment": "integer", "index": "integer", "numkeys": "integer", "cursor": "integer", "db": "integer",
	"destination-db": "integer", "ttl": "integer", "len": "integer", "min-match-len": "integer", "rank": "integer", "num-matches": "integer",
	"numreplicas": "integer", "frequency": "integer", "limit": "integer", "weight": "integer", "slot": "integer", "start-slot": "integer",
	"end-slot": "integer", "config-epoch": "integer", "client-id": "integer", "protover": "integer", "bit": "integer", "bits": "integer",
	"version": "integer", "entries_read": "integer", "ms": "integer", "index1": "integer", "index2": "integer", "port": "integer",

	"score": "double", "longitude": "double", "latitude": "double", "radius": "double", "width": "double", "height": "double", "timeout": "double",
}

// typeOf is the type of a plain argument.
func typeOf(name string) string {
	if strings.HasPrefix(name, "unix-time") {
		return "unix-time"
	}
	if t := types[name]; t != "" {
		return t
	}
	return "string"
}

// markKeys says which arguments are the keys that the row's specifications find.
func markKeys(s *Spec, args []Argument) {
	before := 1
	if s.Parent != nil {
		before = 2
	}
	for i := range s.Keys {
		k := &s.Keys[i]
		var a *Argument
		switch {
		case k.Unknown:
			a = unmarkedKey(args)
		case k.Keyword != "":
			a = tokenKey(args, k.Keyword)
		case k.KeyNum:
			a = wordAt(args, k.Begin+k.First-before)
		default:
			a = wordAt(args, k.Begin-before)
		}
		if a != nil {
			a.Type, a.KeySpec = "key", i
		}
	}
}

// wordAt is the argument that word n of a request is, if only required arguments stand before it.
func wordAt(args []Argument, n int) *Argument {
	for i := range args {
		a := &args[i]
		if a.Optional && n > 0 {
			return nil
		}
		if a.Token != "" {
			if n == 0 {
				return nil
			}
			n--
		}
		if a.Type == "block" {
			return wordAt(a.Args, n)
		}
		if n == 0 {
			return a
		}
		n--
	}
	return nil
}

// tokenKey is the argument after a token.
func tokenKey(args []Argument, token string) *Argument {
	for i := range args {
		a := &args[i]
		if a.Type != "pure-token" && strings.EqualFold(a.Token, token) {
			if a.Type == "block" {
				return &a.Args[0]
			}
			return a
		}
		if found := tokenKey(a.Args, token); found != nil {
			return found
		}
	}
	return nil
}

// unmarkedKey is the last argument that is a key by its name and that no specification has found.
func unmarkedKey(args []Argument) *Argument {
	for i := len(args) - 1; i >= 0; i-- {
		if a := &args[i]; a.Type == "key" && a.KeySpec < 0 {
			return a
		}
	}
	return nil
}
