package main

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"

	"github.com/openmemorydb/memorydb/emulator"
)

func open(t *testing.T, faults bool) *emulator.Emulator {
	t.Helper()
	e, err := emulator.Open(emulator.Config{Listen: "127.0.0.1:0", Data: t.TempDir(), Faults: faults})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return e
}

// command runs the program; the words are separated by spaces.
func command(words string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(strings.Fields(words), &out, &err)
	return code, out.String(), err.String()
}

func TestFaultCommands(t *testing.T) {
	e := open(t, true)
	c := memorydb.New(memorydb.Options{Region: "us-east-1", BaseEndpoint: aws.String(e.URL()), Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
	_, err := c.CreateCluster(t.Context(), &memorydb.CreateClusterInput{ClusterName: aws.String("shop"), NodeType: aws.String("db.t4g.small"), ACLName: aws.String("open-access")})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + ln.Addr().String()
	ln.Close()
	tests := []struct {
		words    string
		endpoint string
		code     int
		says     string // is part of what is printed: on standard output if code is 0
	}{
		{words: "list"},
		{words: "add pause --node shop-0001-002 --duration PT1H", says: "1\tpause of node shop-0001-002 for 1h0m0s\n"},
		{words: "add full --zone us-east-1a --mode write", says: "2\tfull of zone us-east-1a (mode write)\n"},
		{words: "list", says: "1  pause of node shop-0001-002 for 1h0m0s  ends 20"},
		{words: "list", says: "2  full of zone us-east-1a (mode write)    ends when healed\n"},
		{words: "heal 1", says: "1  pause of node"},
		{words: "heal 1", code: exitFailed, says: `There is no fault "1"`},
		{words: "heal", code: exitUsage, says: "--all"},
		{words: "heal --all", says: "2  full"},
		{words: "list"},
		{words: "add", code: exitUsage, says: "<kind>"},
		{words: "add flood --zone a", code: exitUsage, says: `The kind "flood" is unknown. Allowed: kill, pause, cut, delay, outage, full, clock.`},
		{words: "add kill", code: exitUsage, says: "A fault needs a target. Allowed: region, cluster"},
		{words: "add kill --cluster shop --duration soon", code: exitUsage, says: "PT1M30S"},
		{words: "add kill --cluster shop --role master", code: exitUsage, says: "Allowed: primary, replica."},
		{words: "add kill --cluster none", code: exitFailed, says: `There is no cluster "none". Allowed: shop.`},
		{words: "add kill --cluster shop --node shop-0001-009", code: exitFailed, says: "Allowed: shop-0001-001, shop-0001-002."},
		{words: "add outage --zone z", code: exitFailed, says: `There is no zone "z". Allowed: a, b, c, us-east-1a, us-east-1b.`},
		{words: "add outage --zone a --cluster shop", code: exitUsage, says: "needs a zone and takes no cluster"},
		{words: "add delay --cluster shop", code: exitUsage, says: "needs a delay"},
		{words: "add clock --cluster shop", code: exitUsage, says: "needs an offset"},
		{words: "list", endpoint: nobody, code: exitFailed, says: "connection refused"},
		{words: "list", endpoint: open(t, false).URL(), code: exitFailed, says: "Start the emulator with --faults"},
	}
	for _, test := range tests {
		endpoint := e.URL()
		if test.endpoint != "" {
			endpoint = test.endpoint
		}
		code, stdout, stderr := command("fault --endpoint " + endpoint + " " + test.words)
		said := stdout
		if test.code != exitOK {
			said = stderr
		}
		if code != test.code || !strings.Contains(said, test.says) || test.says == "" && said != "" {
			t.Errorf("fault %s: exit code %d, want %d; printed %q and %q, want %q", test.words, code, test.code, stdout, stderr, test.says)
		}
	}
}

func TestHelp(t *testing.T) {
	for words, says := range map[string]string{
		"--help": "memorydb-emulator serve --help", "serve --help": "--faults", "fault --help": "--endpoint", "fault add --help": "nodes stand still", "--version": "memorydb-emulator dev",
	} {
		if code, stdout, _ := command(words); code != exitOK || !strings.Contains(stdout, says) {
			t.Errorf("%s: exit code %d, %q", words, code, stdout)
		}
	}
	for words, says := range map[string]string{
		"--nope": "unknown flag", "--access-key a": "go together", "--failover-quota -1": "", "nonsense": "unexpected argument",
	} {
		if code, _, stderr := command(words); code != exitUsage || !strings.Contains(stderr, says) {
			t.Errorf("%s: exit code %d, %q", words, code, stderr)
		}
	}
}
