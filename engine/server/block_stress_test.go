package server_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/openmemorydb/memorydb/engine/enginetest"
)

// Many consumers that wait with short timeouts, are unblocked and leave, while others push: every element is given once.
func TestBlockedConsumersGetEverythingOnce(t *testing.T) {
	const producers, consumers, each = 4, 16, 400
	addr := serve(t)
	dial := func() *enginetest.Client {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		return enginetest.NewClient(t, nc)
	}
	var got sync.Map
	var given atomic.Int64
	var working sync.WaitGroup
	ids := make([]string, consumers)
	for i := range consumers {
		c := dial()
		ids[i] = c.Do("client", "id").Text
		working.Go(func() {
			for given.Load() < producers*each {
				v := c.Do("bzpopmin", fmt.Sprint("{q}", i%3), fmt.Sprint("{q}", (i+1)%3), "0.00"+fmt.Sprint(1+i%9))
				if len(v.Items) != 3 {
					if v.Kind == '-' && v.Text != "UNBLOCKED client unblocked via CLIENT UNBLOCK" {
						t.Errorf("BZPOPMIN: %s", v.Text)
					}
					continue
				}
				if _, twice := got.LoadOrStore(v.Items[1].Text, i); twice {
					t.Errorf("%s is given twice", v.Items[1].Text)
				}
				given.Add(1)
			}
		})
	}
	for i := range producers {
		c := dial()
		working.Go(func() {
			for j := range each {
				c.Do("zadd", fmt.Sprint("{q}", j%3), "1", fmt.Sprintf("%d-%d", i, j))
			}
		})
	}
	disturber, random := dial(), rand.New(rand.NewPCG(1, 2))
	for given.Load() < producers*each && !t.Failed() {
		disturber.Do("client", "unblock", ids[random.IntN(consumers)], "error")
		leaver := dial() // waits for what nobody pushes, and leaves
		leaver.Send("bzpopmin", "{q}none", "0")
		leaver.Close()
	}
	working.Wait()
	left := dial().Do("exists", "{q}0", "{q}1", "{q}2").Text
	if given.Load() != producers*each || left != "0" {
		t.Errorf("%d elements of %d were given, %s keys are left", given.Load(), producers*each, left)
	}
}
