package fault

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/labstack/echo/v4"
)

// maxBody is the greatest size of a request in bytes.
const maxBody = 64 << 10

// List is the answer that holds several faults.
type List struct {
	Faults []Fault `json:"faults"`
}

// refusal is the answer to a request that was refused.
type refusal struct {
	Error *Error `json:"error"`
}

// disabled answers everything when the emulator was started without faults.
var disabled = &Error{Status: http.StatusForbidden, Message: "Faults are off. Start the emulator with --faults to make things go wrong on purpose."}

// Routes registers the API of an injector, nil if faults are off, on the group /_faults: POST begins a fault, GET lists those that go on, DELETE heals all, DELETE /<id> one.
//
// Nobody signs these requests. A web page can't send them all the same: what changes something needs a content type or a method for which browsers ask first, and nobody answers.
func Routes(g *echo.Group, in *Injector) {
	route := func(method, path string, handle func(c echo.Context) (int, any, error)) {
		g.Add(method, path, func(c echo.Context) error {
			if in == nil {
				return c.JSON(disabled.Status, refusal{disabled})
			}
			status, answer, err := handle(c)
			var refused *Error
			switch {
			case errors.As(err, &refused):
				return c.JSON(refused.Status, refusal{refused})
			case errors.Is(err, ErrClosed):
				return c.JSON(http.StatusServiceUnavailable, refusal{&Error{Message: err.Error()}})
			case err != nil:
				in.cfg.Logger.Error("fault request failed", "err", err)
				return c.JSON(http.StatusInternalServerError, refusal{&Error{Message: "The request failed; the emulator's log says why."}})
			}
			return c.JSON(status, answer)
		})
	}
	route(http.MethodGet, "", func(echo.Context) (int, any, error) { return http.StatusOK, List{in.List()}, nil })
	route(http.MethodPost, "", func(c echo.Context) (int, any, error) {
		f, err := read(c)
		if err != nil {
			return 0, nil, err
		}
		f, err = in.Begin(c.Request().Context(), f)
		return http.StatusCreated, f, err
	})
	route(http.MethodDelete, "", func(c echo.Context) (int, any, error) {
		healed, err := in.HealAll(c.Request().Context())
		return http.StatusOK, List{healed}, err
	})
	route(http.MethodDelete, "/:id", func(c echo.Context) (int, any, error) {
		f, err := in.Heal(c.Request().Context(), c.Param("id"))
		return http.StatusOK, f, err
	})
}

// read is the fault in a request's body.
func read(c echo.Context) (f Fault, err error) {
	if t, _, err := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType)); err != nil || t != echo.MIMEApplicationJSON {
		return f, &Error{Status: http.StatusUnsupportedMediaType, Message: "The header Content-Type must be application/json."}
	}
	d := json.NewDecoder(io.LimitReader(c.Request().Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		var refused *Error
		if errors.As(err, &refused) {
			return f, refused
		}
		return f, invalid(nil, "The request is not the JSON of a fault: %v.", err)
	}
	return f, nil
}
