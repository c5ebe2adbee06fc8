package datatype

import (
	"bytes"
	"cmp"
	"math"
	"slices"
)

// geoShape is what GEOSEARCH looks in: a circle, or a box whose sides are parallel to the equator, around a center.
type geoShape struct {
	center        place
	unit          float64 // meters of the numbers below
	box           bool
	radius        float64
	width, height float64
}

// geoHit is a member found.
type geoHit struct {
	member []byte
	score  float64
	place  place
	meters float64 // from the center
}

// find are the members of z in the shape, in the order in which Redis comes upon them: cell by cell. With a limit it ends when so many are found.
func (s *geoShape) find(z *ZSet, limit int64) []geoHit {
	var hits []geoHit
	var last geoCell
	for i, c := range s.cells() {
		if c == (geoCell{}) || i > 0 && c == last { // the world around a large circle is but a few cells
			continue
		}
		if limit > 0 && int64(len(hits)) >= limit {
			break
		}
		hits = s.findIn(z, c, limit, hits)
		last = c
	}
	return hits
}

// findIn appends the members in a cell.
func (s *geoShape) findIn(z *ZSet, c geoCell, limit int64, hits []geoHit) []geoHit {
	shift := 2 * (geoSteps - c.step)
	from, to := float64(c.bits<<shift), float64((c.bits+1)<<shift)
	first := z.Search(func(_ []byte, score float64) bool { return score < from })
	z.Range(first, false, func(member []byte, score float64) bool {
		if score >= to {
			return false
		}
		p := placeOf(score)
		if meters, in := s.has(p); in {
			hits = append(hits, geoHit{bytes.Clone(member), score, p, meters})
		}
		return limit == 0 || int64(len(hits)) < limit
	})
	return hits
}

// has says whether a place is in the shape, and how far it is from the center.
func (s *geoShape) has(p place) (meters float64, ok bool) {
	if s.box {
		if latDistance(p.lat, s.center.lat) > float64(s.height*s.unit)/2 || distance(p, place{s.center.lon, p.lat}) > float64(s.width*s.unit)/2 {
			return 0, false
		}
		return distance(s.center, p), true
	}
	radius := s.radius * s.unit
	if roughDistance(s.center, p) > radius*(1+1e-6)+1 {
		return 0, false
	}
	meters = distance(s.center, p)
	return meters, meters <= radius
}

// roughDistance is distance but for some last bits, and much faster.
func roughDistance(a, b place) float64 {
	u, v := math.Sin(radians(b.lat-a.lat)/2), math.Sin(radians(b.lon-a.lon)/2)
	return 2 * earthRadius * math.Asin(min(1, math.Sqrt(u*u+math.Cos(radians(a.lat))*math.Cos(radians(b.lat))*v*v)))
}

// bounds is a rectangle around the shape.
func (s *geoShape) bounds() geoWorld {
	height, width := s.unit*s.radius, s.unit*s.radius
	if s.box {
		height, width = s.unit*(s.height/2), s.unit*(s.width/2)
	}
	lat := degrees(height / earthRadius)
	edge := s.center.lat + lat // the one nearer to its pole
	if s.center.lat < 0 {
		edge = s.center.lat - lat
	}
	lon := degrees(width / earthRadius / cosine(radians(edge)))
	return geoWorld{s.center.lon - lon, s.center.lon + lon, s.center.lat - lat, s.center.lat + lat}
}

// cells are the cell of the center and its neighbors, which together cover the shape; one that isn't needed is the zero cell.
func (s *geoShape) cells() [9]geoCell {
	b := s.bounds()
	meters := s.radius
	if s.box {
		meters = math.Sqrt(float64((s.width/2)*(s.width/2)) + float64((s.height/2)*(s.height/2)))
	}
	step := stepFor(meters*s.unit, s.center.lat)
	c := mercatorWorld.cell(s.center, step)
	if step > 1 && !covers(c, b) {
		step--
		c = mercatorWorld.cell(s.center, step)
	}
	cells := [9]geoCell{
		c, c.neighbor(0, 1), c.neighbor(0, -1), c.neighbor(1, 0), c.neighbor(-1, 0),
		c.neighbor(1, 1), c.neighbor(-1, 1), c.neighbor(1, -1), c.neighbor(-1, -1),
	}
	if step < 2 {
		return cells
	}
	drop := func(is ...int) {
		for _, i := range is {
			cells[i] = geoCell{}
		}
	}
	a := mercatorWorld.area(c)
	if a.minLat < b.minLat {
		drop(2, 7, 8)
	}
	if a.maxLat > b.maxLat {
		drop(1, 5, 6)
	}
	if a.minLon < b.minLon {
		drop(4, 6, 8)
	}
	if a.maxLon > b.maxLon {
		drop(3, 5, 7)
	}
	return cells
}

// covers says whether a cell and its neighbors cover a rectangle.
func covers(c geoCell, b geoWorld) bool {
	area := mercatorWorld.area
	short := area(c.neighbor(0, 1)).maxLat < b.maxLat || area(c.neighbor(0, -1)).minLat > b.minLat ||
		area(c.neighbor(1, 0)).maxLon < b.maxLon || area(c.neighbor(-1, 0)).minLon > b.minLon
	return !short // also where a bound is no number
}

// stepFor is the step of cells that are about as large as a circle at a latitude.
func stepFor(meters, lat float64) int {
	const half = 20037726.37 // of the equator on the map
	if meters == 0 {
		return geoSteps
	}
	step := -1
	for ; meters < half; meters *= 2 {
		step++
	}
	if math.Abs(lat) > 66 {
		step--
	}
	if math.Abs(lat) > 80 {
		step--
	}
	return min(max(step, 1), geoSteps)
}

// sortHits orders hits by their distance.
func sortHits(hits []geoHit, descending bool) {
	slices.SortStableFunc(hits, func(a, b geoHit) int {
		if descending {
			a, b = b, a
		}
		return cmp.Compare(a.meters, b.meters)
	})
}
