package autherr

import (
	"reflect"
	"strings"
)

// fiberModules is the prefix of the import paths of Fiber's versions.
const fiberModules = "github.com/gofiber/fiber/"

// setFrameworkError sets target if it points to a *fiber.Error of any version of Fiber. The core
// imports no framework, so it recognizes the type by its name and fields. It is only called by
// errors.As for a failed request, so the cost of reflection does not matter.
func setFrameworkError(target any, status int, message string) bool {
	v := reflect.ValueOf(target)
	if v.Kind() != reflect.Pointer || v.Type().Elem().Kind() != reflect.Pointer {
		return false
	}
	t := v.Type().Elem().Elem()
	if t.Name() != "Error" || !strings.HasPrefix(t.PkgPath(), fiberModules) || t.Kind() != reflect.Struct {
		return false
	}
	e := reflect.New(t)
	code, text := e.Elem().FieldByName("Code"), e.Elem().FieldByName("Message")
	if code.Kind() != reflect.Int || text.Kind() != reflect.String {
		return false
	}
	code.SetInt(int64(status))
	text.SetString(message)
	v.Elem().Set(e)
	return true
}
