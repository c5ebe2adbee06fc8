// Package emulator is the whole service in one process: the management API, its records, and the nodes of all clusters.
//
//	e, err := emulator.Open(emulator.Config{Listen: "127.0.0.1:0", Data: dir})
//	… e.URL() … e.Close(ctx)
//
// Goroutines belong to the parts (api, fleet, the log); Close ends all of them and waits.
package emulator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/openmemorydb/memorydb/emulator/api"
	"github.com/openmemorydb/memorydb/emulator/control"
	"github.com/openmemorydb/memorydb/emulator/fault"
	"github.com/openmemorydb/memorydb/emulator/fleet"
	"github.com/openmemorydb/memorydb/emulator/sigv4"
	"github.com/openmemorydb/memorydb/emulator/store"
	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/bucket"
	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/quorumlog"
)

// DefaultAccount is the account of a key that names none.
const DefaultAccount = "123456789012"

// Config is what an emulator needs; the zero value of everything but Data works.
type Config struct {
	// Listen is the API's address; empty is 127.0.0.1:8480.
	Listen string
	// Data is the data folder: records, the zones of the log, keys. It is made if it is not there.
	Data string
	// Snapshots is where snapshots go, as bucket.Open takes it; empty is a folder in Data.
	Snapshots string
	// AccessKey and SecretKey sign requests; both empty are test and test.
	AccessKey, SecretKey string
	// Account owns what the key creates; empty is DefaultAccount.
	Account string
	// Region is the region of requests that name none, as in the health answer; empty is us-east-1. Each request's own region is in its signature: one process serves all.
	Region string
	// FailoverQuota is how many shards may be failed over by FailoverShard within 24 hours; 0 is as many as one likes. The service's is 5.
	FailoverQuota int
	// Faults opens the API below /_faults, which makes things go wrong on purpose: nodes die, zones go out. Nobody signs its requests.
	Faults bool
	// OneAddress puts all nodes on 127.0.0.1 with a port each.
	OneAddress bool
	// Version is the program's version.
	Version string
	Now     func() time.Time
	Logger  *slog.Logger
}

// Emulator is an open emulator.
type Emulator struct {
	cfg    Config
	ln     net.Listener
	store  *store.Store
	log    *quorumlog.Quorum
	faults *fault.Injector // nil if they are off
	ca     *fleet.CA
	bucket bucket.Bucket
	fleet  *fleet.Fleet
	api    *api.Server
	ready  atomic.Bool
	served sync.WaitGroup
	stop   context.CancelFunc // ends what goes by the clock
}

func (c *Config) fill() error {
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	if c.Data == "" {
		return errors.New("a data folder is required")
	}
	if (c.AccessKey == "") != (c.SecretKey == "") {
		return errors.New("access key and secret key go together")
	}
	set(&c.Snapshots, filepath.Join(c.Data, "snapshots"))
	set(&c.Listen, "127.0.0.1:8480")
	set(&c.AccessKey, "test")
	set(&c.SecretKey, "test")
	set(&c.Account, DefaultAccount)
	set(&c.Region, "us-east-1")
	set(&c.Version, "dev")
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Open opens the data folder, serves the API, and brings up the nodes of all clusters in the background.
func Open(cfg Config) (_ *Emulator, err error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	e := &Emulator{cfg: cfg}
	if e.ln, err = net.Listen("tcp", cfg.Listen); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", cfg.Listen, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.release())
		}
	}()
	if err = os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if e.store, err = store.Open(store.Config{Dir: filepath.Join(cfg.Data, "control"), Logger: cfg.Logger}); err != nil {
		return nil, fmt.Errorf("data folder %s: %w", cfg.Data, err)
	}
	keyring, err := control.OpenKeyring(filepath.Join(cfg.Data, "keyring"))
	if err != nil {
		return nil, err
	}
	zones := e.zones()
	if cfg.Faults {
		e.faults = e.injector(zones)
		zones.FS = e.faults.FS()
	}
	if e.log, err = quorumlog.Open(zones); err != nil {
		return nil, fmt.Errorf("data folder %s: %w", cfg.Data, err)
	}
	if e.ca, err = fleet.OpenCA(filepath.Join(cfg.Data, "ca"), cfg.Now); err != nil {
		return nil, err
	}
	if e.bucket, err = bucket.Open(context.Background(), cfg.Snapshots); err != nil {
		return nil, fmt.Errorf("snapshots: %w", err)
	}
	service := control.New(control.Config{Store: e.store, Keyring: keyring, CheckRules: engine.CheckRules, FailoverQuota: cfg.FailoverQuota, Now: cfg.Now, Logger: cfg.Logger})
	e.fleet = fleet.New(fleet.Config{
		Control: service, Logs: logs{e.log}, Unwrap: keyring.Unwrap, CA: e.ca, Bucket: e.bucket, Faults: e.faults, OneAddress: cfg.OneAddress, Version: cfg.Version, Now: cfg.Now, Logger: cfg.Logger,
	})
	service.SetFleet(e.fleet)
	if e.faults != nil {
		e.faults.Bind(service, e.fleet.Notify)
	}
	if err = e.fleet.Start(context.Background()); err != nil {
		return nil, err
	}
	e.api = api.New(e.apiConfig(service))
	e.served.Go(func() {
		if err := e.api.Serve(e.ln); err != nil {
			cfg.Logger.Error("API failed", "addr", e.ln.Addr().String(), "err", err)
		}
	})
	ctx, stop := context.WithCancel(context.Background())
	e.stop = stop
	e.served.Go(func() { e.tick(ctx, service) })
	e.ready.Store(true)
	return e, nil
}

// tickEvery is how often is looked whether automatic snapshots are due, or too old.
const tickEvery = 20 * time.Second

func (e *Emulator) tick(ctx context.Context, service *control.Service) {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := service.Tick(ctx); err != nil {
			e.cfg.Logger.Error("automatic snapshots", "err", err)
		}
	}
}

// zones are the three folders of the log.
func (e *Emulator) zones() quorumlog.Config {
	cfg := quorumlog.Config{Now: e.cfg.Now, Logger: e.cfg.Logger}
	for i, zone := range []string{"a", "b", "c"} {
		cfg.Dirs[i], cfg.Names[i] = filepath.Join(e.cfg.Data, "zone-"+zone), zone
	}
	return cfg
}

// injector makes faults for the zones.
func (e *Emulator) injector(zones quorumlog.Config) *fault.Injector {
	cfg := fault.Config{Now: e.cfg.Now, Logger: e.cfg.Logger, ZoneOut: func(zone string, err error) { e.log.Fail(zone, err) }}
	for i, dir := range zones.Dirs {
		cfg.Zones = append(cfg.Zones, fault.Zone{Name: zones.Names[i], Dir: dir})
	}
	return fault.New(cfg)
}

// logs are the shards' logs as fleet opens them.
type logs struct{ q *quorumlog.Quorum }

// Shard implements fleet.Logs.
func (l logs) Shard(id string, key []byte) (txlog.Log, error) {
	return l.q.Shard(id, quorumlog.Options{Key: key})
}

// Drop implements fleet.Logs.
func (l logs) Drop(id string) error { return l.q.Drop(id) }

// apiConfig joins the API to the operations.
func (e *Emulator) apiConfig(service *control.Service) api.Config {
	operations := map[string]control.Operation{}
	for _, op := range service.Operations() {
		operations[op.Name] = op
	}
	return api.Config{
		Lookup: func(name string) (api.Operation, bool) {
			op, ok := operations[name]
			return api.Operation{Name: op.Name, Write: op.Write, Call: func(ctx context.Context, who api.Caller, body []byte) (any, error) {
				return op.Call(ctx, control.Caller{AccessKey: who.AccessKey, Account: who.Account, Region: who.Region}, body)
			}}, ok
		},
		Verifier: &sigv4.Verifier{Service: "memorydb", Now: e.cfg.Now, Keys: map[string]sigv4.Key{e.cfg.AccessKey: {Secret: e.cfg.SecretKey}}},
		Account:  func(string) string { return e.cfg.Account },
		Ready:    e.ready.Load,
		Health:   e.health,
		CA:       e.ca.PEM,
		Faults:   func(g *echo.Group) { fault.Routes(g, e.faults) },
		Logger:   e.cfg.Logger,
	}
}

// Health is the answer of GET /health.
type Health struct {
	Status  string `json:"status"`
	Version string `json:"version"`
	Region  string `json:"region"`
	// Log says whether the transaction log takes writes, and which zones work.
	Log   string            `json:"log"`
	Zones map[string]string `json:"zones"`
	// Faults is how many faults go on.
	Faults int `json:"faults,omitempty"`
}

func (e *Emulator) health() any {
	st := e.log.Status()
	h := Health{Status: "ok", Version: e.cfg.Version, Region: e.cfg.Region, Log: "writable", Zones: map[string]string{}, Faults: len(e.faults.List())}
	if st.Err != nil {
		h.Log = st.Err.Error()
	}
	for _, z := range st.Zones {
		h.Zones[z.Name] = fmt.Sprint(z.State)
	}
	return h
}

// URL is the address of the API, to be given to SDKs as endpoint.
func (e *Emulator) URL() string { return "http://" + e.ln.Addr().String() }

// CA is the certificate of the authority that signs the clusters' certificates, in PEM.
func (e *Emulator) CA() []byte { return e.ca.PEM() }

// Close drains: the API stops accepting and answers what it is asked, nodes finish what they execute, the log is closed last. When ctx ends, what is left is cut off.
func (e *Emulator) Close(ctx context.Context) error {
	e.ready.Store(false)
	e.stop()
	err := e.api.Close(ctx)
	e.served.Wait()
	e.faults.Close() // what is down or paused now ends in order
	return errors.Join(err, e.fleet.Close(ctx), e.release())
}

// release closes what is open: first what uses the log, then the log, then the records.
func (e *Emulator) release() error {
	var errs []error
	if e.api == nil {
		errs = append(errs, e.ln.Close()) // the API's server closes it otherwise
	}
	if e.fleet != nil && !e.ready.Load() && e.api == nil {
		errs = append(errs, e.fleet.Close(context.Background()))
	}
	if e.log != nil {
		errs = append(errs, e.log.Close())
	}
	if e.bucket != nil {
		errs = append(errs, e.bucket.Close())
	}
	if e.store != nil {
		errs = append(errs, e.store.Close())
	}
	return errors.Join(errs...)
}
