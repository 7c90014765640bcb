package entra

import "reflect"

// noContext is the context type of a Config whose functions for a web framework are left out.
type noContext struct{}

// plainConfig is a Config without the functions for a web framework.
type plainConfig = Config[noContext]

// withoutHooks returns the Config for code that does not depend on the framework. Fields of
// the same type are copied, so it need not list them.
func (cfg Config[C]) withoutHooks() plainConfig { return convert[noContext](cfg) }

func convert[D, C any](from Config[C]) (to Config[D]) {
	source, target := reflect.ValueOf(from), reflect.ValueOf(&to).Elem()
	for i := range source.NumField() {
		if target.Field(i).Type() == source.Field(i).Type() {
			target.Field(i).Set(source.Field(i))
		}
	}
	return to
}
