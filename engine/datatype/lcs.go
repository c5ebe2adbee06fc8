package datatype

// lcs is the longest common subsequence of two strings, by the textbook's table of lengths. Of the table, which has a cell for each pair of prefixes, only what the way
// back needs is kept: one bit a cell.
type lcs struct {
	a, b   []byte
	length int
	up     []uint64 // bit (i-1)*len(b)+(j-1): without a's byte i more is left in common than without b's byte j
}

// newLCS computes the length and, if path is set, what walk needs.
func newLCS(a, b []byte, path bool) *lcs {
	l := &lcs{a: a, b: b}
	if path {
		l.up = make([]uint64, (len(a)*len(b)+63)/64)
	}
	row := make([]uint32, len(b)+1) // row[j]: of a's first i bytes and b's first j; left of j already that of i+1
	bit := 0
	for _, x := range a {
		var diagonal uint32 // row[j-1] before it was overwritten
		for j, y := range b {
			above := row[j+1]
			switch {
			case x == y:
				row[j+1] = diagonal + 1
			case above > row[j]:
				if path {
					l.up[bit>>6] |= 1 << (bit & 63)
				}
			default:
				row[j+1] = row[j]
			}
			diagonal = above
			bit++
		}
	}
	l.length = int(row[len(b)])
	return l
}

// lcsMatch is a run of bytes that are the same in both strings: from and to are the first and last index in each.
type lcsMatch struct{ aFrom, aTo, bFrom, bTo int }

func (m lcsMatch) len() int { return m.aTo - m.aFrom + 1 }

// matches are the runs of the subsequence that is found walking from the ends of the strings, the last run first.
func (l *lcs) matches() []lcsMatch {
	var all []lcsMatch
	open := false
	i, j := len(l.a), len(l.b)
	for i > 0 && j > 0 {
		cell := (i-1)*len(l.b) + j - 1
		switch {
		case l.a[i-1] == l.b[j-1]:
			i, j = i-1, j-1
			if !open {
				all = append(all, lcsMatch{i, i, j, j})
				open = true
			} else {
				m := &all[len(all)-1]
				m.aFrom, m.bFrom = i, j
			}
			continue
		case l.up[cell>>6]&(1<<(cell&63)) != 0:
			i--
		default:
			j--
		}
		open = false
	}
	return all
}

// text is the subsequence.
func (l *lcs) text() []byte {
	text := make([]byte, l.length)
	end := l.length
	for _, m := range l.matches() {
		end -= m.len()
		copy(text[end:], l.a[m.aFrom:m.aTo+1])
	}
	return text
}
