package entra

import (
	"log/slog"

	"github.com/fibermsal/fibermsal/internal/autherr"
)

// infoFields returns the fields that the functions of Config.Info add to the response of the route
// /info. It returns nil if no user is signed in.
func infoFields[C any](l Locals, c C, functions map[string]func(C, *User) (any, error)) map[string]any {
	fields := make(map[string]any, len(functions))
	for name, function := range functions {
		user, ok := FromContext(l)
		if !ok {
			return nil
		}
		value, err := function(c, user)
		if err != nil {
			value = nil
			visitOf(l).Site.Log.LogAttrs(RequestContext(l), slog.LevelWarn, "Info function failed",
				slog.String("field", name), slog.Any("error", autherr.FromApp(err)))
		}
		fields[name] = value
	}
	return fields
}
