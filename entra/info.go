package entra

import (
	"log/slog"

	"github.com/fibermsal/fibermsal/internal/autherr"
)

// InfoFields returns the fields that the functions of Config.Info add to the answer of the route
// /info, for a face. It returns none if no user is signed in.
func InfoFields[C Locals](c C, functions map[string]func(C, *User) (any, error)) map[string]any {
	fields := make(map[string]any, len(functions))
	for name, function := range functions {
		user, ok := FromContext(c)
		if !ok {
			return nil
		}
		value, err := function(c, user)
		if err != nil {
			value = nil
			visitOf(c).Site.Log.LogAttrs(RequestContext(c), slog.LevelWarn, "Info function failed",
				slog.String("field", name), slog.Any("error", autherr.FromApp(err)))
		}
		fields[name] = value
	}
	return fields
}
