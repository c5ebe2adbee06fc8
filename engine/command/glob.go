package command

// Match says whether s matches a glob pattern as Redis's KEYS, PSUBSCRIBE, CONFIG GET and ACL rules read it: * any bytes, ? one byte, [abc], [^abc] and
// [a-z] one of a class, \ takes the next byte literally. A class without its ] ends with the pattern. The empty string matches the empty pattern only.
func Match(pattern, s []byte) bool { return match(pattern, s, false) }

// MatchFold is Match without regard to the case of ASCII letters.
func MatchFold(pattern, s []byte) bool { return match(pattern, s, true) }

func match(p, s []byte, fold bool) bool {
	if len(s) == 0 {
		return len(p) == 0
	}
	var starP, starS []byte // where to go on when the part after the last star does not fit
	star := false
	for len(s) > 0 {
		if len(p) > 0 && p[0] == '*' {
			for len(p) > 0 && p[0] == '*' {
				p = p[1:]
			}
			if len(p) == 0 {
				return true
			}
			star, starP, starS = true, p, s
			continue
		}
		if rest, ok := matchOne(p, s[0], fold); ok {
			p, s = rest, s[1:]
			continue
		}
		if !star {
			return false
		}
		starS = starS[1:]
		p, s = starP, starS
	}
	for len(p) > 0 && p[0] == '*' {
		p = p[1:]
	}
	return len(p) == 0
}

// matchOne matches one byte against the head of p, which is not a star, and returns what is left of p.
func matchOne(p []byte, c byte, fold bool) ([]byte, bool) {
	if len(p) == 0 {
		return nil, false
	}
	switch p[0] {
	case '?':
		return p[1:], true
	case '[':
		return matchClass(p[1:], c, fold)
	case '\\':
		if len(p) >= 2 {
			p = p[1:]
		}
	}
	return p[1:], same(p[0], c, fold)
}

func matchClass(p []byte, c byte, fold bool) ([]byte, bool) {
	not := len(p) > 0 && p[0] == '^'
	if not {
		p = p[1:]
	}
	hit := false
	for len(p) > 0 && p[0] != ']' {
		switch {
		case p[0] == '\\' && len(p) >= 2:
			p = p[1:]
			hit = hit || p[0] == c
		case len(p) >= 3 && p[1] == '-':
			lo, hi, x := min(p[0], p[2]), max(p[0], p[2]), c
			if fold {
				lo, hi, x = toLower(lo), toLower(hi), toLower(x)
			}
			hit = hit || lo <= x && x <= hi
			p = p[2:]
		default:
			hit = hit || same(p[0], c, fold)
		}
		p = p[1:]
	}
	if len(p) > 0 {
		p = p[1:]
	}
	return p, hit != not
}

func same(a, b byte, fold bool) bool { return a == b || fold && toLower(a) == toLower(b) }

func toLower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
