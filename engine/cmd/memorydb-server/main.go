// Command memorydb-server is one node that owns all slots, in the manner of redis-server: every write that it acknowledges is on disk in two of three zones.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/cluster"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// version is set by the release build.
var version = "dev"

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // it could not start, or not go on
	exitUsage  = 2 // wrong flags
)

type program struct {
	Listen        string `default:"127.0.0.1:6379" placeholder:"HOST:PORT" env:"MEMORYDB_LISTEN" help:"Address to listen on (${default})."`
	Data          string `default:"./memorydb-data" placeholder:"DIR" env:"MEMORYDB_DATA" help:"Folder of the transaction log: three zones, and the key that it is encrypted with (${default})."`
	Log           string `default:"quorum" enum:"quorum,memory" env:"MEMORYDB_LOG" help:"Where the transaction log is: quorum (three zones on disk, durable) or memory (everything is lost when the server stops). One of: ${enum}."`
	TLSCert       string `name:"tls-cert" placeholder:"FILE" type:"existingfile" env:"MEMORYDB_TLS_CERT" help:"Certificate in PEM; makes the server speak TLS. Needs --tls-key."`
	TLSKey        string `name:"tls-key" placeholder:"FILE" type:"existingfile" env:"MEMORYDB_TLS_KEY" help:"Key of the certificate in PEM."`
	TLSMin        string `name:"tls-min-version" default:"1.3" enum:"1.2,1.3" env:"MEMORYDB_TLS_MIN_VERSION" help:"Oldest TLS version that is accepted: ${enum}."`
	RequirePass   string `name:"requirepass" placeholder:"PASSWORD" env:"MEMORYDB_REQUIREPASS" help:"Password of the default user."`
	MaxMemory     int64  `name:"maxmemory" placeholder:"BYTES" env:"MEMORYDB_MAXMEMORY" help:"Data memory in bytes; 0 is no limit."`
	AdminCommands bool   `env:"MEMORYDB_ADMIN_COMMANDS" help:"Open the commands that MemoryDB restricts: CONFIG, ACL SETUSER …"`

	Snapshots           string        `placeholder:"PLACE" env:"MEMORYDB_SNAPSHOTS" help:"Where snapshots are kept: a folder, or s3://host:port/bucket/prefix?region=…&insecure=true with the credentials of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. The log is trimmed behind them. None: the log is kept whole, and replayed at each start."`
	SnapshotKey         string        `placeholder:"FILE" type:"existingfile" env:"MEMORYDB_SNAPSHOT_KEY" help:"File with the key that snapshots are encrypted with: 64 hexadecimal digits. None: snapshots are plain RDB files."`
	SnapshotAcceptPlain bool          `env:"MEMORYDB_SNAPSHOT_ACCEPT_PLAIN" help:"With --snapshot-key, use plain snapshots too: after a key was introduced, until there is an encrypted one."`
	SnapshotRecords     uint64        `placeholder:"N" env:"MEMORYDB_SNAPSHOT_RECORDS" help:"Take a snapshot when so many records were logged since the newest one (2000000, of a large shard more)."`
	SnapshotBytes       int64         `placeholder:"BYTES" env:"MEMORYDB_SNAPSHOT_BYTES" help:"The same by bytes (512 MiB, of a large shard more)."`
	SnapshotKeep        int           `default:"3" placeholder:"N" env:"MEMORYDB_SNAPSHOT_KEEP" help:"How many snapshots are kept; 0 is all (${default})."`
	SnapshotLook        time.Duration `default:"5s" placeholder:"TIME" env:"MEMORYDB_SNAPSHOT_LOOK" help:"How often is looked whether a snapshot is due (${default})."`

	Restore string `placeholder:"FILE" type:"existingfile" env:"MEMORYDB_RESTORE" help:"Fill the server, which must be empty, with an RDB file of redis-server up to 7.2 before it lets clients in."`

	InspectRecord uint64      `placeholder:"POSITION" help:"Print the record of the log at a position, as JSON, and exit: what a server that could not apply it has named."`
	SkipRecord    []txlog.Pos `placeholder:"POSITION" env:"MEMORYDB_SKIP_RECORD" help:"Pass over the effects of the record at a position, which could not be applied; what it changed is given up. Until there is a snapshot behind it."`

	LogLevel slog.Level       `default:"info" env:"MEMORYDB_LOG_LEVEL" help:"debug, info, warn or error."`
	Version  kong.VersionFlag `help:"Print the version."`
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	var p program
	exit := -1
	parser, err := kong.New(&p, kong.Name("memorydb-server"), kong.Description("One node that owns all slots; every acknowledged write is on disk in two of three zones."),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { exit = code }), kong.Vars{"version": "memorydb-server " + version})
	if err != nil {
		panic("memorydb-server: flags: " + err.Error()) // a fault in the struct above
	}
	_, err = parser.Parse(args)
	if exit >= 0 { // --help or --version
		return exit
	}
	if err == nil && p.Snapshots == "" && p.SnapshotKey != "" {
		err = errors.New("--snapshot-key needs --snapshots")
	}
	if err == nil && p.SnapshotLook <= 0 {
		err = errors.New("--snapshot-look must be more than 0")
	}
	if err == nil && (p.TLSCert == "") != (p.TLSKey == "") {
		err = errors.New("--tls-cert and --tls-key go together")
	}
	if err != nil {
		fmt.Fprintf(stderr, "memorydb-server: %v\nTry memorydb-server --help.\n", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if p.InspectRecord != 0 {
		err = p.inspect(ctx, stdout)
	} else {
		err = p.serve(ctx, stop, stdout, stderr)
	}
	if err != nil {
		fmt.Fprintf(stderr, "memorydb-server: %v\n", err)
		var poison *engine.PoisonError
		if errors.As(err, &poison) {
			fmt.Fprintf(stderr, "See the record with --inspect-record %v. A newer version may know it; to give it up, --skip-record %v.\n", poison.Pos, poison.Pos)
		}
		return exitFailed
	}
	return exitOK
}

// drain is how long what is being executed may take after SIGTERM.
const drain = 10 * time.Second

// serve is the program: what is opened last is closed first.
func (p *program) serve(ctx context.Context, stop func(), stdout, stderr io.Writer) (err error) {
	logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: p.LogLevel}))
	ln, err := net.Listen("tcp", p.Listen)
	if err != nil {
		return listenError(p.Listen, err)
	}
	log, err := p.openLog(logger)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	defer func() { err = errors.Join(err, log.close()) }()
	cfg := engine.Config{
		Node: log.node, Log: log.shard, RequirePass: p.RequirePass, MaxMemory: p.MaxMemory, AdminCommands: p.AdminCommands,
		Port: tcpAddr(ln).Port, Shutdown: stop, DumpFile: filepath.Join(p.Data, "dump.rdb"), Version: version, Skip: p.SkipRecord, Now: time.Now, Logger: logger,
	}
	if p.TLSCert != "" {
		if cfg.TLS, err = p.tls(); err != nil {
			return errors.Join(err, ln.Close())
		}
	}
	kept, err := p.openSnapshots(ctx, log, logger)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	defer func() { err = errors.Join(err, kept.close()) }()
	cfg.Snapshots = kept.store
	keeper := kept.keeper(p, log.shard)
	if keeper != nil {
		cfg.Rewriter = keeper
	}
	node, err := engine.Open(cfg)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), drain)
		defer cancel()
		err = errors.Join(err, node.Close(closing))
	}()
	defer keep(ctx, keeper, p.SnapshotLook)()
	if err := node.SetMap(p.slotMap(log.node, tcpAddr(ln))); err != nil {
		return errors.Join(err, ln.Close())
	}
	if p.Restore == "" {
		node.Serve(ln) // answers LOADING until it has caught up
	}
	if err := node.CaughtUp(ctx); err != nil {
		return ignoreStop(ctx, errors.Join(err, p.unserved(ln)))
	}
	if err := node.Promote(ctx); err != nil {
		return ignoreStop(ctx, errors.Join(err, p.unserved(ln)))
	}
	if err := p.restore(ctx, node, stdout); err != nil {
		return errors.Join(err, p.unserved(ln))
	}
	if p.Restore != "" {
		node.Serve(ln) // nobody could write meanwhile
	}
	logger.Info("ready to accept connections", "addr", ln.Addr().String(), "log", p.Log, "tls", p.TLSCert != "")
	<-ctx.Done()
	logger.Info("stopping")
	return nil
}

// unserved closes the listener if the node has not got it.
func (p *program) unserved(ln net.Listener) error {
	if p.Restore == "" {
		return nil
	}
	return ln.Close()
}

// ignoreStop is nil if err only says that the program was told to stop.
func ignoreStop(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// tcpAddr is where a TCP listener listens.
func tcpAddr(ln net.Listener) *net.TCPAddr {
	addr, ok := ln.Addr().(*net.TCPAddr)
	if !ok {
		panic("memorydb-server: a TCP listener has no TCP address")
	}
	return addr
}

// slotMap is the map of a cluster of one node.
func (p *program) slotMap(id string, tcp *net.TCPAddr) cluster.Map {
	ip := tcp.IP
	if ip.IsUnspecified() {
		ip = net.IPv4(127, 0, 0, 1)
	}
	node := cluster.Node{ID: id, IP: ip.String(), Port: tcp.Port, Role: cluster.Primary}
	if p.TLSCert != "" {
		node.Port, node.TLSPort = 0, tcp.Port
	}
	return cluster.Map{Epoch: 1, Shards: []cluster.Shard{{ID: "0001", Epoch: 1, Slots: []cluster.Range{{First: 0, Last: 16383}}, Nodes: []cluster.Node{node}}}}
}

func (p *program) tls() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(p.TLSCert, p.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}
	if p.TLSMin == "1.2" {
		cfg.MinVersion = tls.VersionTLS12
	}
	return cfg, nil
}

// listenError says what to do about a port that is taken.
func listenError(address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		_, port, _ := net.SplitHostPort(address)
		if _, bad := strconv.Atoi(port); bad == nil {
			return fmt.Errorf("can't listen on %s: port %s is in use; stop what uses it, or choose another one with --listen", address, port)
		}
	}
	return fmt.Errorf("can't listen on %s: %w", address, err)
}
