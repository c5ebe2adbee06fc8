package fleet

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"strconv"
	"sync"
	"syscall"

	"github.com/openmemorydb/memorydb/emulator/control"
)

// Each cluster has a /24 of the loopback network, chosen by its id: nodes take .1, .2, …, the endpoint .254. Two clusters may share one; then the next free address serves.
const (
	endpointHost = 254
	lastHost     = 250
	// triesInUse is after how many taken addresses it is assumed that somebody listens on the port for all addresses.
	triesInUse = 8
)

// network is the first three bytes of the cluster's addresses: 127.x.y with x from 64 to 255, away from the addresses that systems use themselves.
func network(clusterID string) string {
	h := fnv.New32a()
	h.Write([]byte(clusterID))
	n := h.Sum32()
	return fmt.Sprintf("127.%d.%d", 64+n%192, n>>8&0xff)
}

func endpointAddress(clusterID string) string {
	return fmt.Sprintf("%s.%d", network(clusterID), endpointHost)
}

// AWS-like names of the cluster and its nodes; certificates cover them.
func endpointName(w control.WantedCluster) string {
	return fmt.Sprintf("clustercfg.%s.%s.memorydb.%s.amazonaws.com", w.Name, accountID(w), w.Region)
}

func hostname(w control.WantedCluster, node string) string {
	return fmt.Sprintf("%s.%s.%s.memorydb.%s.amazonaws.com", node, w.Name, accountID(w), w.Region)
}

// accountID is the six characters that AWS puts into names, fixed per account and region.
func accountID(w control.WantedCluster) string {
	h := fnv.New64a()
	h.Write([]byte(w.Account + "/" + w.Region))
	return fmt.Sprintf("%06s", strconv.FormatUint(h.Sum64()%(36*36*36*36*36*36), 36))
}

func addressOf(ln net.Listener) control.NodeAddress {
	a, ok := ln.Addr().(*net.TCPAddr)
	if !ok {
		panic("fleet: a TCP listener has no TCP address")
	}
	return control.NodeAddress{Address: a.IP.String(), Port: a.Port}
}

func listen(address string, port int) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(context.Background(), "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
}

// listenFor listens for a node: at the address that it had, else at a free address of the cluster's network with the cluster's port, else, where the system has no such addresses or the
// port is taken for all of them, at a free port.
func (k *keeper) listenFor(w control.WantedCluster, want control.WantedNode) (net.Listener, error) {
	if want.Address != "" {
		if ln, err := listen(want.Address, want.Port); err == nil {
			return ln, nil
		}
		k.log().Warn("the node's address is taken, it gets another one", "node", want.Name, "addr", net.JoinHostPort(want.Address, strconv.Itoa(want.Port)))
	}
	if k.f.cfg.OneAddress {
		return listen("127.0.0.1", 0)
	}
	mine := map[string]bool{}
	for _, sh := range w.Shards {
		for _, n := range sh.Nodes {
			mine[n.Address] = true
		}
	}
	taken := 0
	for host := 1; host <= lastHost && taken < triesInUse; host++ {
		address := fmt.Sprintf("%s.%d", network(w.ID), host)
		if mine[address] {
			continue
		}
		ln, err := listen(address, w.Port)
		switch {
		case err == nil:
			return ln, nil
		case errors.Is(err, syscall.EADDRINUSE):
			taken++
		default: // EADDRNOTAVAIL: only 127.0.0.1 is there; EACCES: a privileged port
			return listen("127.0.0.1", 0)
		}
	}
	return listen("127.0.0.1", 0)
}

// endpoint is the cluster's address: a connection to it is served by one of the nodes that run, in turn.
type endpoint struct {
	ln net.Listener
	wg sync.WaitGroup

	mu    sync.Mutex
	nodes []*node
	next  int
}

func (k *keeper) openEndpoint(w control.WantedCluster) (*endpoint, error) {
	address, port := endpointAddress(w.ID), w.Port
	if k.f.cfg.OneAddress {
		address, port = "127.0.0.1", 0
	}
	ln, err := listen(address, port)
	if err != nil {
		if ln, err = listen("127.0.0.1", 0); err != nil {
			return nil, err
		}
	}
	ep := &endpoint{ln: ln}
	ep.wg.Go(ep.accept)
	return ep, nil
}

func (ep *endpoint) address() control.NodeAddress { return addressOf(ep.ln) }

// use says which nodes serve from now on.
func (ep *endpoint) use(nodes []*node) {
	ep.mu.Lock()
	defer ep.mu.Unlock()
	ep.nodes = nodes
}

func (ep *endpoint) close() {
	ep.ln.Close() // accept ends by it
	ep.wg.Wait()
}

// accept hands each connection to a node.
func (ep *endpoint) accept() {
	for {
		conn, err := ep.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // the client has gone already
		}
		if !ep.hand(conn) {
			conn.Close() // no node runs
		}
	}
}

func (ep *endpoint) hand(conn net.Conn) bool {
	ep.mu.Lock()
	defer ep.mu.Unlock()
	for range ep.nodes {
		n := ep.nodes[ep.next%len(ep.nodes)]
		ep.next++
		if !n.seat.Paused() && n.handoff.give(conn) {
			return true
		}
	}
	return false
}

// handoff is a listener whose connections were accepted by somebody else.
type handoff struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newHandoff() *handoff { return &handoff{conns: make(chan net.Conn), done: make(chan struct{})} }

// give hands a connection over; false if the listener is closed.
func (h *handoff) give(conn net.Conn) bool {
	select {
	case h.conns <- conn:
		return true
	case <-h.done:
		return false
	}
}

// Accept implements net.Listener.
func (h *handoff) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handoff) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

// Addr implements net.Listener.
func (h *handoff) Addr() net.Addr { return &net.TCPAddr{} }
