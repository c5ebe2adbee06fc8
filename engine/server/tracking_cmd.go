package server

import (
	"slices"
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// trackingRows are the subcommands of CLIENT about client-side caching.
var trackingRows = []command.Spec{
	{Name: "tracking", Arity: -3, Flags: plain, Categories: connectionCategory, Since: "6.0.0",
		Args:    "<ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
		Summary: "Says whether the connection wants to hear which of the keys that it has read are invalid.", Complexity: "O(1). Some options may introduce additional complexity.", Run: clientTracking},
	{Name: "caching", Arity: 3, Flags: plain, Categories: connectionCategory, Since: "6.0.0", Args: "<YES | NO>",
		Summary: "Says whether the keys of the next request are tracked.", Complexity: "O(1)", Run: clientCaching},
	{Name: "getredir", Arity: 2, Flags: plain, Categories: connectionCategory, Since: "6.0.0",
		Summary: "Returns which connection hears of the connection's invalid keys.", Complexity: "O(1)", Run: clientGetRedir},
	{Name: "trackinginfo", Arity: 2, Flags: plain, Categories: connectionCategory, Since: "6.2.0",
		Summary: "Describes how the connection tracks keys.", Complexity: "O(1)", Run: clientTrackingInfo},
}

func clientTracking(c *command.Call) error {
	s := session(c)
	next, err := s.parseTracking(c)
	if err != nil {
		return err
	}
	old := s.tracking.Load()
	switch strings.ToLower(string(c.Argv[2])) {
	case "on":
		if err := next.compatible(old); err != nil {
			return err
		}
		if next.bcast {
			if next.prefixes, err = joined(old, next.prefixes); err != nil {
				return err
			}
		}
		s.srv.track(s, next)
	case "off":
		s.stopTracking()
	default:
		return resp.ErrSyntax
	}
	c.Reply.OK()
	return nil
}

func (c *conn) stopTracking() {
	if c.tracking.Load() != nil {
		c.srv.track(c, nil)
	}
	c.caching = false
}

// parseTracking reads the words behind ON or OFF.
func (c *conn) parseTracking(call *command.Call) (*tracking, error) {
	m := &tracking{}
	a := call.Args(3)
	for a.More() {
		switch {
		case a.FlagWith("redirect"):
			if m.redirect != 0 {
				return nil, resp.Error("ERR A client can only redirect to a single other client")
			}
			id, err := a.Int()
			if err != nil {
				return nil, err
			}
			if c.srv.clients.find(id) == nil {
				return nil, resp.Error("ERR The client ID you want redirect to does not exist")
			}
			m.redirect = id
		case a.Flag("bcast"):
			m.bcast = true
		case a.Flag("optin"):
			m.optIn = true
		case a.Flag("optout"):
			m.optOut = true
		case a.Flag("noloop"):
			m.noLoop = true
		case a.FlagWith("prefix"):
			p, err := a.Next()
			if err != nil {
				return nil, err
			}
			m.prefixes = append(m.prefixes, string(p))
		default:
			return nil, resp.ErrSyntax
		}
	}
	return m, nil
}

// compatible is nil if a connection may change from one mode to another, in Redis's order and words.
func (m *tracking) compatible(old *tracking) error {
	switch {
	case !m.bcast && len(m.prefixes) > 0:
		return resp.Error("ERR PREFIX option requires BCAST mode to be enabled")
	case old != nil && old.bcast != m.bcast:
		return resp.Error("ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.")
	case m.bcast && (m.optIn || m.optOut):
		return resp.Error("ERR OPTIN and OPTOUT are not compatible with BCAST")
	case m.optIn && m.optOut:
		return resp.Error("ERR You can't specify both OPTIN mode and OPTOUT mode")
	case old != nil && (m.optIn && old.optOut || m.optOut && old.optIn):
		return resp.Error("ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.")
	}
	return nil
}

// joined are a connection's prefixes with further ones; none may begin with another one.
func joined(old *tracking, more []string) ([]string, error) {
	var had []string
	if old != nil {
		had = old.prefixes
	}
	for i, p := range more {
		for _, o := range had {
			if strings.HasPrefix(p, o) || strings.HasPrefix(o, p) {
				return nil, resp.Errorf("ERR Prefix '%s' overlaps with an existing prefix '%s'. Prefixes for a single client must not overlap.", p, o)
			}
		}
		for _, o := range more[i+1:] {
			if strings.HasPrefix(p, o) || strings.HasPrefix(o, p) {
				return nil, resp.Errorf("ERR Prefix '%s' overlaps with another provided prefix '%s'. Prefixes for a single client must not overlap.", p, o)
			}
		}
	}
	if len(more) == 0 && len(had) == 0 {
		more = []string{""}
	}
	all := append(slices.Clone(had), more...)
	slices.Sort(all)
	return slices.Compact(all), nil
}

func clientCaching(c *command.Call) error {
	s := session(c)
	m := s.tracking.Load()
	if m == nil {
		return resp.Error("ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled")
	}
	switch strings.ToLower(string(c.Argv[2])) {
	case "yes":
		if !m.optIn {
			return resp.Error("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.")
		}
	case "no":
		if !m.optOut {
			return resp.Error("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.")
		}
	default:
		return resp.ErrSyntax
	}
	s.caching = true
	c.Reply.OK()
	return nil
}

func clientGetRedir(c *command.Call) error {
	c.Reply.Int(session(c).redirection())
	return nil
}

// redirection is the connection that hears of the connection's invalid keys: 0 is itself, -1 says that tracking is off.
func (c *conn) redirection() int64 {
	if m := c.tracking.Load(); m != nil {
		return m.redirect
	}
	return -1
}

func clientTrackingInfo(c *command.Call) error {
	s := session(c)
	m := s.tracking.Load()
	flags := []string{"off"}
	var prefixes []string
	if m != nil {
		flags[0] = "on"
		prefixes = m.prefixes
		add := func(on bool, flag string) {
			if on {
				flags = append(flags, flag)
			}
		}
		add(m.bcast, "bcast")
		add(m.optIn, "optin")
		add(m.optIn && s.caching, "caching-yes")
		add(m.optOut, "optout")
		add(m.optOut && s.caching, "caching-no")
		add(m.noLoop, "noloop")
		add(m.broken, "broken_redirect")
	}
	w := c.Reply
	w.Map(3)
	w.BulkString("flags")
	w.Set(len(flags))
	for _, f := range flags {
		w.BulkString(f)
	}
	w.BulkString("redirect")
	w.Int(s.redirection())
	w.BulkString("prefixes")
	w.Array(len(prefixes))
	for _, p := range prefixes {
		w.BulkString(p)
	}
	return nil
}
