// Command memorydb-emulator is the management API of Amazon MemoryDB with the engine behind it, on this machine.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/openmemorydb/memorydb/emulator"
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
	Listen     string           `default:"127.0.0.1:8480" placeholder:"HOST:PORT" env:"MEMORYDB_LISTEN" help:"Address of the management API (${default})."`
	Data       string           `default:".memorydb/data" placeholder:"DIR" env:"MEMORYDB_DATA" help:"Data folder: records, the three zones of the transaction log, keys (${default})."`
	Snapshots  string           `placeholder:"PLACE" env:"MEMORYDB_SNAPSHOTS" help:"Where snapshots are kept: a folder, or s3://host:port/bucket/prefix?region=…&insecure=true with the credentials of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (a folder in the data folder)."`
	Region     string           `default:"us-east-1" placeholder:"REGION" env:"MEMORYDB_REGION" help:"Region that the health answer names; requests carry their own in their signature (${default})."`
	AccessKey  string           `placeholder:"KEY" env:"MEMORYDB_ACCESS_KEY" help:"Access key that signs requests (test)."`
	SecretKey  string           `placeholder:"SECRET" env:"MEMORYDB_SECRET_KEY" help:"Secret of the access key (test)."`
	Account    string           `placeholder:"ID" env:"MEMORYDB_ACCOUNT" help:"Account in ARNs (${account})."`
	OneAddress bool             `env:"MEMORYDB_ONE_ADDRESS" help:"Put all nodes on 127.0.0.1 with a port each, instead of an address each."`
	LogLevel   slog.Level       `default:"info" env:"MEMORYDB_LOG_LEVEL" help:"debug, info, warn or error."`
	Version    kong.VersionFlag `help:"Print the version."`
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	var p program
	exit := -1
	parser, err := kong.New(&p, kong.Name("memorydb-emulator"), kong.Description("The management API of Amazon MemoryDB with a durable, sharded engine behind it, on this machine."),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { exit = code }),
		kong.Vars{"version": "memorydb-emulator " + version, "account": emulator.DefaultAccount})
	if err != nil {
		panic("memorydb-emulator: flags: " + err.Error()) // a fault in the struct above
	}
	_, err = parser.Parse(args)
	if exit >= 0 { // --help or --version
		return exit
	}
	if err == nil && (p.AccessKey == "") != (p.SecretKey == "") {
		err = errors.New("--access-key and --secret-key go together")
	}
	if err != nil {
		fmt.Fprintf(stderr, "memorydb-emulator: %v\nTry memorydb-emulator --help.\n", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := p.serve(ctx, stderr); err != nil {
		fmt.Fprintf(stderr, "memorydb-emulator: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// drain is how long what is under way may take after SIGTERM.
const drain = 10 * time.Second

func (p *program) serve(ctx context.Context, stderr io.Writer) error {
	logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: p.LogLevel}))
	began := time.Now()
	e, err := emulator.Open(emulator.Config{
		Listen: p.Listen, Data: p.Data, Snapshots: p.Snapshots, Region: p.Region, AccessKey: p.AccessKey, SecretKey: p.SecretKey, Account: p.Account, OneAddress: p.OneAddress, Version: version, Logger: logger,
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
