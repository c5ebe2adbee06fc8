package datatype

import "math"

// A place is a longitude and a latitude in degrees.
type place struct{ lon, lat float64 }

// The bounds of places, those of the Mercator projection (EPSG:3857): the poles can't be told.
const (
	maxLon = 180
	maxLat = 85.05112878
)

// geoSteps is how often a score halves the world in each direction: 52 bits, which a float64 holds.
const geoSteps = 26

// A geoCell is a rectangle of the world, named by its bits: of each pair from the highest on the first one halves it by longitude, the second one by latitude.
type geoCell struct {
	bits uint64
	step int // pairs of bits
}

// geoWorld is a range of longitudes and latitudes that cells divide.
type geoWorld struct{ minLon, maxLon, minLat, maxLat float64 }

var (
	mercatorWorld = geoWorld{-maxLon, maxLon, -maxLat, maxLat} // of scores
	wholeWorld    = geoWorld{-180, 180, -90, 90}               // of GEOHASH's texts
)

// cell is the cell with step pairs of bits that a place is in.
func (w geoWorld) cell(p place, step int) geoCell {
	size := float64(uint64(1) << step)
	lat := (p.lat - w.minLat) / (w.maxLat - w.minLat) * size
	lon := (p.lon - w.minLon) / (w.maxLon - w.minLon) * size
	return geoCell{spreadBits(uint32(uint64(lat))) | spreadBits(uint32(uint64(lon)))<<1, step}
}

// area is the rectangle that a cell is.
func (w geoWorld) area(c geoCell) geoWorld {
	size := float64(uint64(1) << c.step)
	lat, lon := gatherBits(c.bits), gatherBits(c.bits>>1)
	latScale, lonScale := w.maxLat-w.minLat, w.maxLon-w.minLon
	return geoWorld{
		minLat: w.minLat + float64(float64(lat)/size*latScale),
		maxLat: w.minLat + float64(float64(lat+1)/size*latScale),
		minLon: w.minLon + float64(float64(lon)/size*lonScale),
		maxLon: w.minLon + float64(float64(lon+1)/size*lonScale),
	}
}

// spreadBits puts bit i of x at bit 2i.
func spreadBits(x uint32) uint64 {
	n := uint64(x)
	n = (n | n<<16) & 0x0000ffff0000ffff
	n = (n | n<<8) & 0x00ff00ff00ff00ff
	n = (n | n<<4) & 0x0f0f0f0f0f0f0f0f
	n = (n | n<<2) & 0x3333333333333333
	return (n | n<<1) & evenBits
}

// gatherBits undoes spreadBits; odd bits don't count.
func gatherBits(n uint64) uint32 {
	n &= evenBits
	n = (n | n>>1) & 0x3333333333333333
	n = (n | n>>2) & 0x0f0f0f0f0f0f0f0f
	n = (n | n>>4) & 0x00ff00ff00ff00ff
	n = (n | n>>8) & 0x0000ffff0000ffff
	return uint32(n | n>>16)
}

const (
	evenBits = 0x5555555555555555 // of latitudes
	oddBits  = evenBits << 1      // of longitudes
)

// neighbor is the cell so many columns to the east and rows to the north. The world ends nowhere: behind its edge is the other one.
func (c geoCell) neighbor(east, north int) geoCell {
	mask := uint64(math.MaxUint64) >> (64 - 2*c.step)
	return geoCell{moved(c.bits&oddBits, east, oddBits&mask) | moved(c.bits&evenBits, north, evenBits&mask), c.step}
}

// moved adds -1, 0 or 1 to the number that bits are, of which only those in mask count. A bit above, of the place at the very edge of the world, stays if nothing is added.
func moved(bits uint64, delta int, mask uint64) uint64 {
	one := mask & -mask
	switch {
	case delta > 0:
		return ((bits | ^mask) + one) & mask // the bits between carry
	case delta < 0:
		return (bits - one) & mask
	}
	return bits
}

// score is the score of a place in a sorted set.
func (p place) score() uint64 { return mercatorWorld.cell(p, geoSteps).bits }

// placeOf is the place that a score stands for: the middle of its cell.
func placeOf(score float64) place {
	a := mercatorWorld.area(geoCell{truncate(score), geoSteps})
	return place{
		min(max((a.minLon+a.maxLon)/2, -maxLon), maxLon),
		min(max((a.minLat+a.maxLat)/2, -maxLat), maxLat),
	}
}

// truncate is the conversion to uint64 that processors of the x86-64 kind make of any number, also where it doesn't fit.
func truncate(f float64) uint64 {
	const half = 1 << 63
	signed := func(f float64) uint64 {
		if f >= -half && f < half {
			return uint64(int64(f))
		}
		return half
	}
	if f < half {
		return signed(f)
	}
	return signed(f-half) ^ half
}

// earthRadius is the quadratic mean radius of the earth in meters.
const earthRadius = 6372797.560856

func radians(degrees float64) float64 { return degrees * (math.Pi / 180) }

func degrees(radians float64) float64 { return radians / (math.Pi / 180) }

// latDistance is the distance in meters of two latitudes.
func latDistance(a, b float64) float64 {
	return earthRadius * math.Abs(float64(radians(b))-float64(radians(a)))
}

// distance is the distance of two places in meters by the haversine formula.
func distance(a, b place) float64 {
	v := sine((float64(radians(b.lon)) - float64(radians(a.lon))) / 2)
	if v == 0 {
		return latDistance(a.lat, b.lat)
	}
	from, to := float64(radians(a.lat)), float64(radians(b.lat))
	u := sine((to - from) / 2)
	h := float64(u*u) + float64(float64(float64(cosine(from)*cosine(to))*v)*v)
	return 2 * earthRadius * arcsine(math.Sqrt(h))
}
