package txlog

import "testing"

func TestLeadershipSurvivesItsEncoding(t *testing.T) {
	want := Leadership{Node: "trading-0001-002", Version: "1.2.3"}
	got, err := DecodeLeadership(want.Encode())
	if err != nil || got != want {
		t.Errorf("decoded %+v, %v; want %+v", got, err, want)
	}
	for _, bad := range []string{"", "{", "[]", `{"node":1}`} {
		if _, err := DecodeLeadership([]byte(bad)); err == nil {
			t.Errorf("%q was decoded", bad)
		}
	}
}

func TestChainCoversTheWholeRecord(t *testing.T) {
	base := Entry{Kind: Data, Epoch: 1, Engine: 1, Payload: []byte("payload")}
	seen := map[Chain]string{Chain(7).Next(3, base): "the record"}
	for name, c := range map[string]Chain{
		"another chain before": Chain(8).Next(3, base),
		"another position":     Chain(7).Next(4, base),
		"another kind":         Chain(7).Next(3, Entry{Kind: Lead, Epoch: 1, Engine: 1, Payload: []byte("payload")}),
		"another epoch":        Chain(7).Next(3, Entry{Kind: Data, Epoch: 2, Engine: 1, Payload: []byte("payload")}),
		"another engine":       Chain(7).Next(3, Entry{Kind: Data, Epoch: 1, Engine: 2, Payload: []byte("payload")}),
		"another payload":      Chain(7).Next(3, Entry{Kind: Data, Epoch: 1, Engine: 1, Payload: []byte("payloae")}),
		"no payload":           Chain(7).Next(3, Entry{Kind: Data, Epoch: 1, Engine: 1}),
	} {
		if other, ok := seen[c]; ok {
			t.Errorf("%s has the checksum of %s", name, other)
		}
		seen[c] = name
	}
}
