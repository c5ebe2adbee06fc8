package cluster

import "testing"

func BenchmarkRoute(b *testing.B) {
	s := New(Config{Self: id("a1")})
	if err := s.Set(twoShards()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Route(77, true, nil); err != nil {
			b.Fatal(err)
		}
	}
}
