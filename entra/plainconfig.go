package entra

import "reflect"

// noContext is the context type of a Config without functions that take the context of a framework.
type noContext struct{}

// plainConfig is a Config without functions that take the context of a framework.
type plainConfig = Config[noContext]

// withoutHooks returns the Config for code that does not depend on a framework. It copies all fields
// whose type does not depend on C.
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
