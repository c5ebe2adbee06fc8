// Command memorydb-emulator is the management API of Amazon MemoryDB with the engine behind it, on this machine.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/openmemorydb/memorydb/emulator"
	"github.com/openmemorydb/memorydb/emulator/fault"
)

// version is set by the release build.
var version = "dev"

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // it could not start, or not go on; what was asked for was refused
	exitUsage  = 2 // wrong flags
)

type program struct {
	Serve   serveCmd         `cmd:"" default:"withargs" help:"Serve the API, which is what the program does without a command."`
	Fault   faultCmd         `cmd:"" help:"Make things go wrong in a running emulator that was started with --faults."`
	Version kong.VersionFlag `help:"Print the version."`
}

type serveCmd struct {
	Listen        string     `default:"127.0.0.1:8480" placeholder:"HOST:PORT" env:"MEMORYDB_LISTEN" help:"Address of the management API (${default})."`
	Data          string     `default:".memorydb/data" placeholder:"DIR" env:"MEMORYDB_DATA" help:"Data folder: records, the three zones of the transaction log, keys (${default})."`
	Snapshots     string     `placeholder:"PLACE" env:"MEMORYDB_SNAPSHOTS" help:"Where snapshots are kept: a folder, or s3://host:port/bucket/prefix?region=…&insecure=true with the credentials of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (a folder in the data folder)."`
	Region        string     `default:"us-east-1" placeholder:"REGION" env:"MEMORYDB_REGION" help:"Region that the health answer names; requests carry their own in their signature (${default})."`
	AccessKey     string     `placeholder:"KEY" env:"MEMORYDB_ACCESS_KEY" help:"Access key that signs requests (test)."`
	SecretKey     string     `placeholder:"SECRET" env:"MEMORYDB_SECRET_KEY" help:"Secret of the access key (test)."`
	Account       string     `placeholder:"ID" env:"MEMORYDB_ACCOUNT" help:"Account in ARNs (${account})."`
	OneAddress    bool       `env:"MEMORYDB_ONE_ADDRESS" help:"Put all nodes on 127.0.0.1 with a port each, instead of an address each."`
	Faults        bool       `env:"MEMORYDB_FAULTS" help:"Open the API below /_faults, which makes things go wrong on purpose. Nobody signs its requests: for tests, not for data that matter."`
	FailoverQuota int        `placeholder:"N" env:"MEMORYDB_FAILOVER_QUOTA" help:"Allow N calls of FailoverShard in 24 hours, as the service allows 5 (no limit)."`
	LogLevel      slog.Level `default:"info" env:"MEMORYDB_LOG_LEVEL" help:"debug, info, warn or error."`
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	var p program
	exit := -1
	parser, err := kong.New(&p, kong.Name("memorydb-emulator"), kong.Description("The management API of Amazon MemoryDB with a durable, sharded engine behind it, on this machine. Without a command it serves; memorydb-emulator serve --help lists the flags."),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { exit = code }),
		kong.Vars{"version": "memorydb-emulator " + version, "account": emulator.DefaultAccount})
	if err != nil {
		panic("memorydb-emulator: flags: " + err.Error()) // a fault in the struct above
	}
	chosen, err := parser.Parse(args)
	if exit >= 0 { // --help or --version
		return exit
	}
	if err == nil && (p.Serve.AccessKey == "") != (p.Serve.SecretKey == "") {
		err = errors.New("--access-key and --secret-key go together")
	}
	if err == nil && p.Serve.FailoverQuota < 0 {
		err = errors.New("--failover-quota must not be negative")
	}
	if err != nil {
		fmt.Fprintf(stderr, "memorydb-emulator: %v\nTry memorydb-emulator --help.\n", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	chosen.BindTo(ctx, (*context.Context)(nil))
	chosen.Bind(streams{stdout, stderr})
	if err := chosen.Run(); err != nil {
		fmt.Fprintf(stderr, "memorydb-emulator: %v\n", err)
		if refused := (*fault.Error)(nil); errors.As(err, &refused) && refused.Status == http.StatusBadRequest {
			return exitUsage
		}
		return exitFailed
	}
	return exitOK
}

// streams are where a command writes.
type streams struct{ out, err io.Writer }

// drain is how long what is under way may take after SIGTERM.
const drain = 10 * time.Second

// Run serves until ctx ends.
func (p *serveCmd) Run(ctx context.Context, std streams) error {
	logger := slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: p.LogLevel}))
	began := time.Now()
	e, err := emulator.Open(emulator.Config{
		Listen: p.Listen, Data: p.Data, Snapshots: p.Snapshots, Region: p.Region, AccessKey: p.AccessKey, SecretKey: p.SecretKey, Account: p.Account, OneAddress: p.OneAddress,
		Faults: p.Faults, FailoverQuota: p.FailoverQuota, Version: version, Logger: logger,
	})
	if errors.Is(err, syscall.EADDRINUSE) {
		_, port, _ := net.SplitHostPort(p.Listen)
		return fmt.Errorf("can't listen on %s: port %s is in use; stop what uses it, or choose another one with --listen", p.Listen, port)
	}
	if err != nil {
		return err
	}
	logger.Info("ready", "url", e.URL(), "data", p.Data, "took", time.Since(began).Round(time.Millisecond))
	<-ctx.Done()
	logger.Info("stopping")
	closing, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	return e.Close(closing)
}
