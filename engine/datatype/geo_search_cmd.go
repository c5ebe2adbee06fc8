package datatype

import (
	"bytes"
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

const (
	geoSearchCost = "O(N+log(M)) where N is the number of members in the cells around the shape and M the number of those in it"
	geoOptions    = "[WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC]"
	geoUnits      = "<M | KM | FT | MI>"
	geoFromBy     = "<FROMMEMBER member | FROMLONLAT longitude latitude> <<BYRADIUS radius> " + geoUnits + " | <BYBOX width> height " + geoUnits + "> "
)

var geoSearchCommands = []command.Spec{
	{Name: "georadius", Arity: -6, Flags: command.Write | command.DenyOOM, Group: command.Geo, Keys: geoStoreKeys(6), Since: "3.2.0",
		Args:       "key longitude latitude radius " + geoUnits + " " + geoOptions + " [STORE key] [STOREDIST key]",
		Complexity: geoSearchCost, Summary: "Returns or stores the members within a distance of a place.", Run: func(c *command.Call) error { return geoRadius(c, false, true) }},
	{Name: "georadius_ro", Arity: -6, Flags: command.ReadOnly, Group: command.Geo, Keys: command.KeyAt(1, command.RO|command.Access), Since: "3.2.10",
		Args:       "key longitude latitude radius " + geoUnits + " " + geoOptions,
		Complexity: geoSearchCost, Summary: "Returns the members within a distance of a place.", Run: func(c *command.Call) error { return geoRadius(c, false, false) }},
	{Name: "georadiusbymember", Arity: -5, Flags: command.Write | command.DenyOOM, Group: command.Geo, Keys: geoStoreKeys(5), Since: "3.2.0",
		Args:       "key member radius " + geoUnits + " " + geoOptions + " [STORE key] [STOREDIST key]",
		Complexity: geoSearchCost, Summary: "Returns or stores the members within a distance of a member.", Run: func(c *command.Call) error { return geoRadius(c, true, true) }},
	{Name: "georadiusbymember_ro", Arity: -5, Flags: command.ReadOnly, Group: command.Geo, Keys: command.KeyAt(1, command.RO|command.Access), Since: "3.2.10",
		Args:       "key member radius " + geoUnits + " " + geoOptions,
		Complexity: geoSearchCost, Summary: "Returns the members within a distance of a member.", Run: func(c *command.Call) error { return geoRadius(c, true, false) }},
	{Name: "geosearch", Arity: -7, Flags: command.ReadOnly, Group: command.Geo, Keys: command.KeyAt(1, command.RO|command.Access), Since: "6.2.0",
		Args:       "key " + geoFromBy + "[ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
		Complexity: geoSearchCost, Summary: "Returns the members in a circle or a box.", Run: geosearch},
	{Name: "geosearchstore", Arity: -8, Flags: command.Write | command.DenyOOM, Group: command.Geo,
		Keys:       []command.KeySpec{{Begin: 1, Flags: command.OW | command.Update}, {Begin: 2, Flags: command.RO | command.Access}},
		Since:      "6.2.0",
		Args:       "destination source " + geoFromBy + "[ASC | DESC] [COUNT count [ANY]] [STOREDIST]",
		Complexity: geoSearchCost, Summary: "Stores the members in a circle or a box.", Run: geosearchstore},
}

// geoStoreKeys are the source and what STORE and STOREDIST, searched from an index on, name.
func geoStoreKeys(from int) []command.KeySpec {
	return []command.KeySpec{
		{Begin: 1, Flags: command.RO | command.Access},
		{Keyword: "STORE", From: from, Flags: command.OW | command.Update, Find: lastStored("STORE", from)},
		{Keyword: "STOREDIST", From: from, Flags: command.OW | command.Update, Find: lastStored("STOREDIST", from)},
	}
}

// lastStored finds the key that an option names, from an index on, if no later STORE or STOREDIST overrides it: Redis's key specification tells the first one
// of each option, but the last one of all is the key that is stored to and that decides the slot.
func lastStored(option string, from int) func(argv [][]byte, keys []command.Key) ([]command.Key, error) {
	return func(argv [][]byte, keys []command.Key) ([]command.Key, error) {
		last := 0
		for i := from; i+1 < len(argv); i++ {
			if word := string(argv[i]); strings.EqualFold(word, "STORE") || strings.EqualFold(word, "STOREDIST") {
				i++
				last = i
			}
		}
		if last > 0 && strings.EqualFold(string(argv[last-1]), option) {
			keys = append(keys, command.Key{Index: last, Flags: command.OW | command.Update})
		}
		return keys, nil
	}
}

// geoQuery is what a command searches for, and what it does with it.
type geoQuery struct {
	c      *command.Call
	z      ZSet
	shape  geoShape
	search bool // GEOSEARCH or GEOSEARCHSTORE: the options say where to search
	stores bool // it may store
	isFrom string
	isBy   string

	withDist, withHash, withCoord bool
	sorts, descending, any        bool
	count                         int64
	store                         []byte // key; nil if the result is answered
	storeDist                     bool
}

// open looks the source up. Its type is checked before anything else.
func (q *geoQuery) open(key []byte) (err error) {
	q.z, err = readZSet(q.c, key)
	return err
}

// setCenter makes the place of a member the center.
func (q *geoQuery) setCenter(member []byte) error {
	score, ok := q.z.Score(member)
	if !ok {
		return resp.Error("ERR could not decode requested zset member")
	}
	q.shape.center = placeOf(score)
	return nil
}

// parseLength reads a length that isn't negative.
func parseLength(word []byte, name string) (float64, error) {
	f, err := command.ParseFloat(word)
	if err != nil {
		return 0, resp.Error("ERR need numeric " + name)
	}
	return f, nil
}

// parseRadius reads a radius and its unit.
func (q *geoQuery) parseRadius(radius, unit []byte) (err error) {
	if q.shape.radius, err = parseLength(radius, "radius"); err != nil {
		return err
	}
	if q.shape.radius < 0 {
		return resp.Error("ERR radius cannot be negative")
	}
	q.shape.unit, err = parseUnit(unit)
	return err
}

// parseBox reads width, height and their unit.
func (q *geoQuery) parseBox(words [][]byte) (err error) {
	if q.shape.width, err = parseLength(words[0], "width"); err != nil {
		return err
	}
	if q.shape.height, err = parseLength(words[1], "height"); err != nil {
		return err
	}
	if q.shape.width < 0 || q.shape.height < 0 {
		return resp.Error("ERR height or width cannot be negative")
	}
	q.shape.box = true
	q.shape.unit, err = parseUnit(words[2])
	return err
}

func (q *geoQuery) parseOptions(a command.Args) (err error) {
	for a.More() && err == nil {
		switch {
		case a.Flag("withdist"):
			q.withDist = true
		case a.Flag("withhash"):
			q.withHash = true
		case a.Flag("withcoord"):
			q.withCoord = true
		case a.Flag("any"):
			q.any = true
		case a.Flag("asc"):
			q.sorts, q.descending = true, false
		case a.Flag("desc"):
			q.sorts, q.descending = true, true
		case a.FlagWith("count"):
			if q.count, err = a.Int(); err == nil && q.count <= 0 {
				err = resp.Error("ERR COUNT must be > 0")
			}
		case q.search:
			err = q.parseSearchOption(&a)
		case q.stores && a.FlagWith("store"):
			q.store, err = a.Next()
			q.storeDist = false
		case q.stores && a.FlagWith("storedist"):
			q.store, err = a.Next()
			q.storeDist = true
		default:
			err = resp.ErrSyntax
		}
	}
	return err
}

// parseSearchOption reads an option that only GEOSEARCH and GEOSEARCHSTORE have.
func (q *geoQuery) parseSearchOption(a *command.Args) error {
	words := a.Rest()
	switch {
	case q.stores && a.Flag("storedist"):
		q.storeDist = true
		return nil
	case q.isFrom != "fromlonlat" && a.FlagWith("frommember"):
		q.isFrom = "frommember"
		a.Skip(1)
		if !q.z.exists { // the result is empty, wherever the center
			return nil
		}
		return q.setCenter(words[1])
	case q.isFrom != "frommember" && len(words) > 2 && a.Flag("fromlonlat"):
		q.isFrom = "fromlonlat"
		a.Skip(2)
		var err error
		q.shape.center, err = parsePlace(words[1], words[2])
		return err
	case q.isBy != "bybox" && len(words) > 2 && a.Flag("byradius"):
		q.isBy = "byradius"
		a.Skip(2)
		return q.parseRadius(words[1], words[2])
	case q.isBy != "byradius" && len(words) > 3 && a.Flag("bybox"):
		q.isBy = "bybox"
		a.Skip(3)
		return q.parseBox(words[1:4])
	}
	return resp.ErrSyntax
}

// check is the check of the options together.
func (q *geoQuery) check() error {
	name := string(q.c.Argv[0])
	switch {
	case q.store != nil && (q.withDist || q.withHash || q.withCoord):
		by := "STORE option in GEORADIUS"
		if q.search {
			by = "GEOSEARCHSTORE"
		}
		return resp.Error("ERR " + by + " is not compatible with WITHDIST, WITHHASH and WITHCOORD options")
	case q.search && q.isFrom == "":
		return resp.Error("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for " + name)
	case q.search && q.isBy == "":
		return resp.Error("ERR exactly one of BYRADIUS and BYBOX can be specified for " + name)
	case q.any && q.count == 0:
		return resp.Error("ERR the ANY argument requires COUNT argument")
	}
	return nil
}

func geoRadius(c *command.Call, byMember, stores bool) error {
	q := geoQuery{c: c, stores: stores}
	if err := q.open(c.Argv[1]); err != nil {
		return err
	}
	options := 6
	var err error
	switch {
	case !byMember:
		if q.shape.center, err = parsePlace(c.Argv[2], c.Argv[3]); err != nil {
			return err
		}
		err = q.parseRadius(c.Argv[4], c.Argv[5])
	default:
		options = 5
		if !q.z.exists { // the options say what to answer
			break
		}
		if err = q.setCenter(c.Argv[2]); err != nil {
			return err
		}
		err = q.parseRadius(c.Argv[3], c.Argv[4])
	}
	if err != nil {
		return err
	}
	return q.run(options, "georadiusstore")
}

func geosearch(c *command.Call) error {
	q := geoQuery{c: c, search: true}
	if err := q.open(c.Argv[1]); err != nil {
		return err
	}
	return q.run(2, "")
}

func geosearchstore(c *command.Call) error {
	q := geoQuery{c: c, search: true, stores: true, store: c.Argv[1]}
	if err := q.open(c.Argv[2]); err != nil {
		return err
	}
	return q.run(3, "geosearchstore")
}

// run reads the options from an index on, searches, and answers or stores what it finds.
func (q *geoQuery) run(options int, event string) error {
	if err := q.parseOptions(q.c.Args(options)); err != nil {
		return err
	}
	if err := q.check(); err != nil {
		return err
	}
	var hits []geoHit
	if q.z.exists {
		limit := int64(0)
		if q.any {
			limit = q.count
		}
		hits = q.shape.find(&q.z, limit)
		if q.sorts || q.count > 0 && !q.any {
			sortHits(hits, q.descending)
		}
		if q.count > 0 {
			hits = hits[:min(q.count, int64(len(hits)))]
		}
	}
	if q.store == nil {
		q.reply(hits)
		return nil
	}
	result := newBigZSet(q.c.DB)
	for _, h := range hits {
		score := h.score
		if q.storeDist {
			score = h.meters / q.shape.unit
		}
		result.set(h.member, score)
	}
	propagateResult(q.c, q.store, result)
	storeResult(q.c, q.store, result, event)
	return nil
}

// propagateResult makes the elements of a result, and not the search for them, the effect of the call that stores it at key.
func propagateResult(c *command.Call, key []byte, result *bigZSet) {
	if c.DB.Exists(key) {
		c.Propagate([]byte("del"), key)
	}
	if result.len() == 0 {
		return
	}
	effect := [][]byte{[]byte("zadd"), key}
	result.each(0, false, func(member []byte, score float64) bool {
		effect = append(effect, resp.AppendDouble(nil, score), bytes.Clone(member))
		return true
	})
	c.Propagate(effect...)
}

// reply answers the hits: members, or with an option arrays of a member and what the options ask for.
func (q *geoQuery) reply(hits []geoHit) {
	w := q.c.Reply
	w.Array(len(hits))
	items := 1 + is(q.withDist) + is(q.withHash) + is(q.withCoord)
	for _, h := range hits {
		if items > 1 {
			w.Array(int(items))
		}
		w.Bulk(h.member)
		if q.withDist {
			replyMeters(w, h.meters/q.shape.unit)
		}
		if q.withHash {
			w.Int(int64(h.score))
		}
		if q.withCoord {
			replyPlace(w, h.place)
		}
	}
}
