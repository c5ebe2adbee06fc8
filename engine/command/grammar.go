package command

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Argument is one argument of a command, as COMMAND DOCS tells it.
type Argument struct {
	Name string
	// Type is key, string, integer, double, pattern, unix-time, pure-token, oneof or block. The grammar does not hold the types of plain arguments: they
	// follow from the names, which the documentation uses consistently.
	Type string
	// KeySpec is the index of the key specification that finds the argument; -1 if it is no key.
	KeySpec int
	// Token is the word that stands before the argument, or that a pure-token is.
	Token string
	// Optional arguments may be left out, Multiple ones repeated, with MultipleToken their token each time.
	Optional, Multiple, MultipleToken bool
	// Args are the alternatives of a oneof, the parts of a block.
	Args []Argument
}

// Arguments are the row's arguments as its grammar says. An error means that the grammar has unbalanced brackets, an empty alternative or the like.
func (s *Spec) Arguments() ([]Argument, error) {
	args, err := ParseGrammar(s.Args)
	if err != nil {
		return nil, fmt.Errorf("arguments of %s: %w", s.FullName, err)
	}
	setTypes(s, args)
	markKeys(s, args)
	return args, nil
}

// ParseGrammar reads a command's syntax in the notation of redis.io: [ ] optional, < > or ( ) one thing, | alternatives, ... repetition, capitals and
// signs are words to be typed, all else are names of arguments.
func ParseGrammar(syntax string) ([]Argument, error) {
	p := parser{words: lexGrammar(syntax)}
	alts, err := p.alternatives("")
	if err != nil {
		return nil, err
	}
	if len(alts) > 1 {
		return []Argument{oneOf(alts)}, nil
	}
	return build(alts[0]), nil
}

// node is a part of a grammar: a word, or a bracket with its alternatives. many says that it repeats as a whole.
type node struct {
	word     string
	token    bool // a word to be typed
	optional bool // in [ ]
	alts     [][]node
	many     bool
	token2   bool // its token repeats with it
}

func lexGrammar(s string) []string {
	s = strings.ReplaceAll(s, "...", " ... ")
	var b strings.Builder
	for _, c := range s {
		if strings.ContainsRune("[]<>()|", c) {
			b.WriteRune(' ')
			b.WriteRune(c)
			b.WriteRune(' ')
		} else {
			b.WriteRune(c)
		}
	}
	return strings.Fields(b.String())
}

type parser struct {
	words []string
	at    int
}

var closing = map[string]string{"[": "]", "<": ">", "(": ")"}

// alternatives reads sequences separated by | up to the given bracket, or to the end if it is "".
func (p *parser) alternatives(end string) ([][]node, error) {
	alts := [][]node{nil}
	last := &alts[0]
	for p.at < len(p.words) {
		w := p.words[p.at]
		p.at++
		switch w {
		case end:
			return finish(alts, true)
		case "|":
			alts = append(alts, nil)
			last = &alts[len(alts)-1]
		case "...":
			if len(*last) == 0 {
				return nil, fmt.Errorf("nothing before %q at word %d", w, p.at)
			}
			(*last)[len(*last)-1].many = true
		case "[", "<", "(":
			inner, err := p.alternatives(closing[w])
			if err != nil {
				return nil, err
			}
			group := node{optional: w == "[", alts: inner}
			group.unrepeat()
			if n := repeats(*last, group); n > 0 {
				*last = fold(*last, n)
			} else {
				*last = append(*last, group)
			}
		case "]", ">", ")":
			return nil, fmt.Errorf("unexpected %q at word %d", w, p.at)
		default:
			*last = append(*last, node{word: w, token: isToken(w)})
		}
	}
	if end != "" {
		return nil, fmt.Errorf("missing %q", end)
	}
	return finish(alts, false)
}

func finish(alts [][]node, bracket bool) ([][]node, error) {
	for _, a := range alts {
		if len(a) == 0 && (bracket || len(alts) > 1) {
			return nil, errors.New("nothing where an argument should be")
		}
	}
	return alts, nil
}

// repeats says how many of the last nodes group repeats: 2 for "field value [field value ...]". The repetition's ellipsis stands after its last node.
func repeats(before []node, group node) int {
	if !group.optional || len(group.alts) != 1 {
		return 0
	}
	again := group.alts[0]
	n := len(again)
	if n == 0 || n > len(before) || !again[n-1].many {
		return 0
	}
	for i, a := range again {
		if b := before[len(before)-n+i]; a.word != b.word || a.word == "" && !sameAlternatives(a, b) {
			return 0
		}
	}
	return n
}

func sameAlternatives(a, b node) bool {
	return slices.Equal(strip(a.alts), strip(b.alts))
}

// unrepeat finds the repetition of a bracket with alternatives in its last alternative, "[a | b [a | b ...]]", and says instead that the bracket repeats.
func (n *node) unrepeat() {
	last := len(n.alts) - 1
	if last < 1 || len(n.alts[last]) < 2 {
		return
	}
	seq := n.alts[last]
	again := seq[len(seq)-1]
	once := node{alts: slices.Clone(n.alts)}
	once.alts[last] = seq[:len(seq)-1]
	if again.optional && sameAlternatives(again, once) {
		n.alts, n.many = once.alts, true
	}
}

// strip is the words of alternatives, in order.
func strip(alts [][]node) []string {
	var words []string
	for _, alt := range alts {
		words = append(words, "|")
		for _, n := range alt {
			words = append(words, n.word)
			words = append(words, strip(n.alts)...)
		}
	}
	return words
}

// fold makes the last n nodes one that repeats.
func fold(nodes []node, n int) []node {
	at := len(nodes) - n
	if n == 1 {
		one := nodes[at]
		one.many, one.token = true, false // "ID [ID ...]": a name in capitals
		return append(nodes[:at:at], one)
	}
	many := node{alts: [][]node{append([]node(nil), nodes[at:]...)}, many: true, token2: nodes[at].token}
	return append(nodes[:at:at], many)
}

// isToken says whether a word of the grammar is to be typed as it stands: capitals, or signs such as * $ = ~ "".
func isToken(w string) bool {
	return strings.ToUpper(w) == w
}

// build makes arguments of a sequence. A token takes the required arguments that follow it; one that has none is a pure token.
func build(seq []node) []Argument {
	var args []Argument
	for i := 0; i < len(seq); {
		n := seq[i]
		i++
		if n.word == "ID" && (i == len(seq) || seq[i].token || seq[i].optional) {
			n.token = false // the documentation's one name in capitals
		}
		if !n.token {
			args = append(args, argumentOf(n))
			continue
		}
		from := i
		for i < len(seq) && !seq[i].token && !seq[i].optional {
			i++
		}
		args = append(args, withToken(n, build(seq[from:i])))
	}
	for i := 1; i < len(args); i++ {
		if args[i-1].Name == "where" && args[i].Name == "where" { // "<LEFT | RIGHT> <LEFT | RIGHT>"
			args[i-1].Name, args[i].Name = "wherefrom", "whereto"
		}
	}
	return args
}

// argumentOf makes an argument of a name or a bracket.
func argumentOf(n node) Argument {
	if n.alts == nil {
		name := n.word
		if isToken(name) { // "ID [ID ...]"
			name = strings.ToLower(name)
		}
		return Argument{Name: name, Type: typeOf(name), KeySpec: -1, Multiple: n.many}
	}
	var a Argument
	switch seq := n.alts[0]; {
	case len(n.alts) > 1:
		a = oneOf(n.alts)
	case len(seq) > 1 && seq[0].token && seq[1].optional: // "[FULL [COUNT count]]"
		a = block(build(seq[1:]))
		a.Name, a.Token = strings.ToLower(seq[0].word), seq[0].word
	default:
		a = oneArgument(build(seq))
	}
	a.Optional = a.Optional || n.optional
	a.Multiple = a.Multiple || n.many
	a.MultipleToken = a.MultipleToken || n.token2
	return a
}

// withToken puts a token before arguments.
func withToken(token node, args []Argument) Argument {
	if len(args) == 0 {
		a := Argument{Name: tokenName(token.word), Type: "pure-token", KeySpec: -1, Token: token.word, Multiple: token.many}
		if a.Token == `""` {
			a.Token = ""
		}
		return a
	}
	a := oneArgument(args)
	if a.Token != "" { // two tokens in a row: the inner one stays where it is
		a = block(args)
	}
	a.Token = token.word
	return a
}

// oneArgument is a sequence as one argument: itself if it is only one, else a block.
func oneArgument(args []Argument) Argument {
	if len(args) == 1 {
		return args[0]
	}
	return block(args)
}

func block(args []Argument) Argument {
	return Argument{Name: joinNames(args), Type: "block", KeySpec: -1, Args: args}
}

// oneOf makes an argument of alternatives. A token before the first of them is for all if it can't be for that one alone: "AGGREGATE SUM | MIN", "TYPE
// normal | pubsub".
func oneOf(alts [][]node) Argument {
	token := ""
	if first := alts[0]; len(first) > 1 && first[0].token && (first[1].token || allNames(alts[1:])) {
		token = first[0].word
		alts = append([][]node{first[1:]}, alts[1:]...)
	}
	a := Argument{Type: "oneof", KeySpec: -1, Token: token}
	words := allNames(alts)
	for _, alt := range alts {
		if words { // "m | km": words to be typed, though not in capitals
			alt = []node{{word: strings.ToUpper(alt[0].word), token: true}}
		}
		a.Args = append(a.Args, oneArgument(build(alt)))
	}
	a.Name = joinNames(a.Args)
	return a
}

// allNames says whether each alternative is just one plain name.
func allNames(alts [][]node) bool {
	for _, alt := range alts {
		if len(alt) != 1 || alt[0].token || alt[0].alts != nil {
			return false
		}
	}
	return true
}
