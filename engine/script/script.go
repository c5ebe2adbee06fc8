// Package script runs Lua: EVAL and its like, SCRIPT, and function libraries (FUNCTION, FCALL).
//
// A script is a row of the command table like any other: it runs under the shard's turn, executes rows by command.Call.Do, and what it has changed is one record of the
// log. Scripts that EVAL and SCRIPT LOAD bring are a cache of the node, as in Redis 7. Function libraries are data: they are logged, replayed, and hang on the keyspace.
//
// engine/script/lua is the language; this package is what Redis adds to it. Source: redis-server 7.0.15's behaviour and redis.io's pages on Lua scripts and functions.
package script

import (
	"crypto/sha1" //nolint:gosec // the name of a script is its SHA-1
	"encoding/hex"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/script/lua"
)

// Config is what scripts need of their node. All fields but Logger are required.
type Config struct {
	// Table is the node's command table.
	Table func() *command.Table
	// Permitted is nil if the client may execute a request, else why not, in the words that follow "The user executing the script ".
	Permitted func(c *command.Client, row *command.Spec, argv [][]byte) error
	// Allowed says whether the client's user may execute a request at all (redis.acl_check_cmd).
	Allowed func(c *command.Client, row *command.Spec, argv [][]byte) bool
	// Local says whether the node serves a slot for the client.
	Local func(c *command.Client, slot uint16, write bool) bool
	// Primary says whether the node may write.
	Primary func() bool
	// Begins is told of a request that runs a script, and Called of each command that a script has executed: for statistics and monitors.
	Begins func(c *command.Client, argv [][]byte)
	Called func(c *command.Client, row *command.Spec, argv [][]byte, took time.Duration, failed bool)
	// EnoughReplicas is nil if as many replicas are online as writes need, else the error reply.
	EnoughReplicas func() error
	// Short says whether maxmemory is exceeded.
	Short func() bool
	// Yield lets others be refused while a script runs for too long (shard.Yield).
	Yield func(busy error) error
	// Threshold is busy-reply-threshold: how long a script runs before others are refused; 0 is for ever.
	Threshold func() time.Duration
	// Now is the clock that the threshold is measured with.
	Now func() time.Time
	// Log takes what scripts log.
	Logger *slog.Logger
}

// Error replies that others get while a script runs for too long.
const (
	errBusyScript   resp.Error = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
	errBusyFunction resp.Error = "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE."
)

// MemoryLimit is how many bytes the heap may grow by while a script runs.
const MemoryLimit = 1 << 30

// Engine is the state of scripts on one node.
type Engine struct {
	cfg       Config
	anyScript atomic.Bool // DEBUG SET-DISABLE-DENY-SCRIPTS

	mu      sync.Mutex // guards scripts and bytes: SCRIPT EXISTS runs beside the turn
	scripts map[string]*script
	bytes   int64

	state   *lua.State          // of scripts; used under the turn
	running atomic.Pointer[run] // for SCRIPT KILL; nil if none runs
	fnCount atomic.Int64
	libs    atomic.Int64
	fnBytes atomic.Int64

	declared atomic.Pointer[map[string]flags] // of the functions, for whoever doesn't hold the turn
}

// script is a cached script.
type script struct {
	sha   string
	body  string
	flags flags
	proto *lua.Proto
}

// New makes the state of scripts.
func New(cfg Config) *Engine {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Engine{cfg: cfg, scripts: map[string]*script{}}
}

// Rows are the rows of this package.
func (e *Engine) Rows() []command.Spec {
	return append(append(e.evalRows(), e.scriptRow(), e.functionRow()), e.fcallRows()...)
}

// DenyScripts lets scripts execute rows that are flagged noscript, or not (DEBUG SET-DISABLE-DENY-SCRIPTS).
func (e *Engine) DenyScripts(deny bool) { e.anyScript.Store(!deny) }

// Stats is what INFO tells of scripts.
type Stats struct {
	Scripts, Libraries, Functions int64
	// ScriptBytes and FunctionBytes are the bytes of their sources.
	ScriptBytes, FunctionBytes int64
}

// Stats is what INFO tells of scripts.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Stats{Scripts: int64(len(e.scripts)), ScriptBytes: e.bytes, Libraries: e.libs.Load(), Functions: e.fnCount.Load(), FunctionBytes: e.fnBytes.Load()}
}

func shaOf(body string) string {
	sum := sha1.Sum([]byte(body)) //nolint:gosec // a name
	return hex.EncodeToString(sum[:])
}

// load caches a script.
func (e *Engine) load(body string) (*script, error) {
	sha := shaOf(body)
	if s := e.find(sha); s != nil {
		return s, nil
	}
	flags, code, err := shebang(body)
	if err != nil {
		return nil, err
	}
	proto, err := lua.Compile(code, chunk)
	if err != nil {
		return nil, resp.Errorf("ERR Error compiling script (new function): %s", err.Error())
	}
	s := &script{sha: sha, body: body, flags: flags, proto: proto}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.scripts[sha] = s
	e.bytes += int64(len(body) + len(sha))
	return s, nil
}

// chunk is the name of a script's chunk, as errors show it.
const chunk = "user_script"

func (e *Engine) find(sha string) *script {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.scripts[sha]
}

// flush forgets all scripts.
func (e *Engine) flush() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.scripts)
	e.bytes = 0
}
