package command

import "strings"

// groups are the documentation's names for alternatives and blocks, by the names of their arguments in order.
var groups = map[string]string{
	"nx xx":       "condition",
	"nx xx gt lt": "condition",
	"gt lt":       "comparison",
	"seconds milliseconds unix-time-seconds unix-time-milliseconds keepttl": "expiration",
	"seconds milliseconds unix-time-seconds unix-time-milliseconds persist": "expiration",
	"asc desc":                               "order",
	"left right":                             "where",
	"before after":                           "where",
	"min max":                                "where",
	"async sync":                             "async",
	"byscore bylex":                          "sortby",
	"sum min max":                            "aggregate",
	"m km ft mi":                             "unit",
	"byte bit":                               "index_unit",
	"start end index_unit":                   "index",
	"end index_unit":                         "end_index",
	"start end_index":                        "index",
	"maxlen minid":                           "strategy",
	"equal approximately":                    "operator",
	"strategy operator threshold count":      "trim",
	"auto_id id":                             "id_or_auto",
	"id new_id":                              "id",
	"key id":                                 "streams",
	"count any":                              "count",
	"count withvalues":                       "options",
	"count withscores":                       "options",
	"min-idle-time start end count consumer": "filters",
	"host port":                              "host-port",
	"no one":                                 "no-one",
	"host-port no-one":                       "args",
	"member longitude_latitude":              "from",
	"radius unit":                            "circle",
	"width height unit":                      "box",
	"circle box":                             "by",
	"module-name category pattern":           "filterby",
	"count reset":                            "operation",
	"yes no":                                 "mode",
	"yes sync no":                            "mode",
	"write all":                              "mode",
	"flush append replace":                   "policy",
	"force takeover":                         "options",
	"username password":                      "username_password",
}

// joinNames names alternatives or a block: as the documentation does, else by all their names.
func joinNames(args []Argument) string {
	var names []string
	for _, a := range args {
		names = append(names, a.Name)
	}
	if name := groups[strings.Join(names, " ")]; name != "" {
		return name
	}
	return strings.Join(names, "_")
}

// tokenName is the documentation's name of a word to be typed: the word in lower case, but for some.
func tokenName(token string) string {
	switch token {
	case "*":
		return "auto_id"
	case "$":
		return "new_id"
	case "=":
		return "equal"
	case "~":
		return "approximately"
	case `""`:
		return "empty_string"
	case "ALPHA":
		return "sorting"
	case "CH":
		return "change"
	case "INCR":
		return "increment"
	}
	return strings.ToLower(token)
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

	"entries_added": "integer", "cluster_bus_port": "integer", "timeout": "integer",

	"score": "double", "longitude": "double", "latitude": "double", "radius": "double", "width": "double", "height": "double",
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

// setTypes corrects the types of names that mean something else in some commands.
func setTypes(s *Spec, args []Argument) {
	for i := range args {
		a := &args[i]
		switch name := a.Name; {
		case name == "timeout" && s.Is(Blocking):
			a.Type = "double"
		case name == "increment" && strings.HasSuffix(s.Name, "float"):
			a.Type = "double"
		case s.Group == Stream && (name == "start" || name == "end"): // entry IDs
			a.Type = "string"
		case s.Name == "xpending" && name == "min-idle-time":
			a.Type = "integer"
		case s.Name == "zrange" && (name == "start" || name == "stop"): // ranks, scores or strings
			a.Type = "string"
		case s.Group == Bitmap && name == "value" && a.Type == "string":
			a.Type = "integer"
		case s.Group == SortedSet && (name == "min" || name == "max") && a.Type == "string" && (strings.HasSuffix(s.Name, "score") || s.Name == "zcount"):
			a.Type = "double"
		}
		setTypes(s, a.Args)
	}
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
		case k.Flags&NotKey != 0:
		case k.Unknown:
			a = unmarkedKey(args, i)
		case k.Keyword != "":
			a = tokenKey(args, k.Keyword)
		case k.KeyNum:
			a = wordAt(args, k.Begin+k.First-before)
		default:
			for at := k.step(); at <= k.Last; at += k.step() {
				if next := wordAt(args, k.Begin+at-before); next != nil {
					next.Type, next.KeySpec = "key", i
				}
			}
			a = wordAt(args, k.Begin-before)
		}
		if a != nil {
			a.Type, a.KeySpec = "key", i
		}
	}
	unkey(args)
}

// unkey makes strings of arguments that are keys by their names only (the key of CLUSTER KEYSLOT).
func unkey(args []Argument) {
	for i := range args {
		if a := &args[i]; a.Type == "key" && a.KeySpec < 0 {
			a.Type = "string"
		}
		unkey(args[i].Args)
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

// unmarkedKey is the argument that a specification without positions must mean: patterns that name keys, if no other one has claimed them, which it marks;
// else the last argument that is a key by its name and that no specification has found.
func unmarkedKey(args []Argument, spec int) *Argument {
	marked := false
	for i := range args {
		if a := &args[i]; a.Type == "pattern" && a.KeySpec < 0 {
			a.KeySpec, marked = spec, true
		}
	}
	for i := len(args) - 1; i >= 0 && !marked; i-- {
		if a := &args[i]; a.Type == "key" && a.KeySpec < 0 {
			return a
		}
	}
	return nil
}
