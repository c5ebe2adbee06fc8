package datatype

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var geoCommands = []command.Spec{
	{Name: "geoadd", Arity: -5, Flags: command.Write | command.DenyOOM, Group: command.Geo, Keys: command.KeyAt(1, command.RW|command.Update), Since: "3.2.0",
		Args:       "key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]",
		Complexity: "O(log(N)) for each member given, where N is the number of members of the sorted set", Summary: "Adds members with their places to a sorted set.", Run: geoadd},
	{Name: "geodist", Arity: -4, Flags: command.ReadOnly, Group: command.Geo, Keys: command.KeyAt(1, command.RO|command.Access), Since: "3.2.0",
		Args: "key member1 member2 [M | KM | FT | MI]", Complexity: "O(1)", Summary: "Returns the distance of two members.", Run: geodist},
	{Name: "geohash", Arity: -2, Flags: command.ReadOnly, Group: command.Geo, Keys: command.KeyAt(1, command.RO|command.Access), Since: "3.2.0",
		Args: "key member [member ...]", Complexity: "O(N) where N is the number of members given", Summary: "Returns the geohash texts of the places of members.", Run: geohash},
	{Name: "geopos", Arity: -2, Flags: command.ReadOnly, Group: command.Geo, Keys: command.KeyAt(1, command.RO|command.Access), Since: "3.2.0",
		Args: "key member [member ...]", Complexity: "O(N) where N is the number of members given", Summary: "Returns the longitudes and latitudes of members.", Run: geopos},
}

func geoadd(c *command.Call) error {
	var o zaddOptions
	a := c.Args(2)
	for parsed := false; !parsed; {
		switch {
		case a.Flag("nx"):
			o.nx = true
		case a.Flag("xx"):
			o.xx = true
		case a.Flag("ch"):
			o.ch = true
		default:
			parsed = true
		}
	}
	options := c.Argv[2 : len(c.Argv)-a.Left()]
	if a.Left()%3 != 0 || a.Left() == 0 || o.nx && o.xx {
		return resp.ErrSyntax
	}
	effect := append([][]byte{[]byte("zadd"), c.Argv[1]}, options...)
	from := len(effect)
	for words := a.Rest(); len(words) > 0; words = words[3:] {
		p, err := parsePlace(words[0], words[1])
		if err != nil {
			return err
		}
		effect = append(effect, strconv.AppendUint(nil, p.score(), 10), words[2])
	}
	if err := zaddPairs(c, o, effect[from:]); err != nil {
		return err
	}
	if c.Dirty() {
		c.Propagate(effect...)
	}
	return nil
}

// parsePlace reads a longitude and a latitude.
func parsePlace(lon, lat []byte) (p place, err error) {
	if p.lon, err = command.ParseFloat(lon); err != nil {
		return p, err
	}
	if p.lat, err = command.ParseFloat(lat); err != nil {
		return p, err
	}
	if math.Abs(p.lon) > maxLon || math.Abs(p.lat) > maxLat {
		return p, resp.Errorf("ERR invalid longitude,latitude pair %s,%s", sixDecimals(p.lon), sixDecimals(p.lat))
	}
	return p, nil
}

// sixDecimals is a number as C's printf prints it with %f.
func sixDecimals(f float64) string {
	if math.IsInf(f, 0) {
		return string(resp.AppendDouble(nil, f))
	}
	return strconv.FormatFloat(f, 'f', 6, 64)
}

// parseUnit reads a unit of length and gives its meters.
func parseUnit(word []byte) (float64, error) {
	switch strings.ToLower(string(word)) {
	case "m":
		return 1, nil
	case "km":
		return 1000, nil
	case "ft":
		return 0.3048, nil
	case "mi":
		return 1609.34, nil
	}
	return 0, resp.Error("ERR unsupported unit provided. please use M, KM, FT, MI")
}

func geodist(c *command.Call) error {
	unit := 1.0
	switch len(c.Argv) {
	case 4:
	case 5:
		var err error
		if unit, err = parseUnit(c.Argv[4]); err != nil {
			return err
		}
	default:
		return resp.ErrSyntax
	}
	z, err := readZSet(c, c.Argv[1])
	if err != nil {
		return err
	}
	a, hasA := z.Score(c.Argv[2])
	b, hasB := z.Score(c.Argv[3])
	if !hasA || !hasB {
		c.Reply.Null()
		return nil
	}
	replyMeters(c.Reply, distance(placeOf(a), placeOf(b))/unit)
	return nil
}

// replyMeters answers a distance with four decimals.
func replyMeters(w *resp.Writer, meters float64) {
	n := int64(math.RoundToEven(meters * 10000))
	text := strconv.AppendInt(nil, n/10000, 10)
	text = append(text, '.')
	decimals := strconv.AppendInt(nil, 10000+n%10000, 10)
	w.Bulk(append(text, decimals[1:]...))
}

func geohash(c *command.Call) error {
	z, err := readZSet(c, c.Argv[1])
	if err != nil {
		return err
	}
	c.Reply.Array(len(c.Argv) - 2)
	for _, member := range c.Argv[2:] {
		if score, ok := z.Score(member); ok {
			c.Reply.BulkString(geohashText(placeOf(score)))
		} else {
			c.Reply.Null()
		}
	}
	return nil
}

// geohashText is the geohash of a place as other programs write it: a letter for five bits. Of the eleventh one there are only two bits, for which Redis writes a 0.
func geohashText(p place) string {
	const letters = "0123456789bcdefghjkmnpqrstuvwxyz"
	var text [11]byte
	bits := wholeWorld.cell(p, geoSteps).bits
	for i := range 10 {
		text[i] = letters[bits>>(52-5*(i+1))&31]
	}
	text[10] = letters[0]
	return string(text[:])
}

func geopos(c *command.Call) error {
	z, err := readZSet(c, c.Argv[1])
	if err != nil {
		return err
	}
	c.Reply.Array(len(c.Argv) - 2)
	for _, member := range c.Argv[2:] {
		if score, ok := z.Score(member); ok {
			replyPlace(c.Reply, placeOf(score))
		} else {
			c.Reply.NullArray()
		}
	}
	return nil
}

func replyPlace(w *resp.Writer, p place) {
	w.Array(2)
	replyCoordinate(w, p.lon)
	replyCoordinate(w, p.lat)
}

// replyCoordinate answers a number as people write it.
func replyCoordinate(w *resp.Writer, f float64) {
	text := appendLongDouble(nil, big.NewFloat(f))
	if !w.RESP3() {
		w.Bulk(text)
		return
	}
	w.Raw(append(append([]byte{','}, text...), "\r\n"...))
}
