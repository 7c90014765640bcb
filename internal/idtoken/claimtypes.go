package idtoken

import (
	"encoding/json"
	"slices"
	"strconv"
)

// readers read the claims that decide nothing about the identity. A tenant's claims mapping may
// give them another JSON type than Entra does, for which no user is refused: a reader returns
// the claim as the type of its field, nil if it cannot be used, and whether all of it is used.
var readers = map[string]func(json.RawMessage) (read any, whole bool){
	"azp": readText, "name": readText, "preferred_username": readText, "email": readText,
	"sid": readText, "login_hint": readText, "idp": readText,
	"roles": readList, "acrs": readList, "groups": readList,
	"auth_time": readNumber, "hasgroups": readFlag, "_claim_names": readNames,
}

// replaceUnusable gives claims the type of fields, leaves those out of which it cannot
// make one, and returns the names of all that are not used in full.
func replaceUnusable(all map[string]json.RawMessage, fields map[string]any) (unusable []string, err error) {
	for name, reader := range readers {
		raw, present := all[name]
		if !present || string(raw) == "null" {
			continue
		}
		if _, isText := fields[name].(*string); isText && raw[0] == '"' {
			continue // as it should be
		}
		read, whole := reader(raw)
		if !whole {
			unusable = append(unusable, name)
		}
		if read == nil {
			delete(all, name)
		} else if all[name], err = json.Marshal(read); err != nil {
			return nil, err
		}
	}
	slices.Sort(unusable)
	return unusable, nil
}

func readText(raw json.RawMessage) (any, bool) {
	text, ok := textOf(raw)
	if !ok {
		return nil, false
	}
	return text, true
}

func textOf(raw json.RawMessage) (text string, ok bool) {
	err := json.Unmarshal(raw, &text)
	return text, err == nil
}

// readList takes a text for a list of one. Empty texts name nothing.
func readList(raw json.RawMessage) (any, bool) {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		items = []json.RawMessage{raw}
	}
	list, whole := []string{}, true
	for _, item := range items {
		switch text, ok := textOf(item); {
		case !ok:
			whole = false
		case text != "":
			list = append(list, text)
		}
	}
	if len(list) == 0 {
		return nil, whole
	}
	return list, whole
}

func readNumber(raw json.RawMessage) (any, bool) {
	var number float64
	if json.Unmarshal(raw, &number) == nil {
		return number, true
	}
	digits, _ := textOf(raw)
	whole, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return nil, false
	}
	return whole, true
}

func readFlag(raw json.RawMessage) (any, bool) {
	var flag bool
	if json.Unmarshal(raw, &flag) == nil {
		return flag, true
	}
	word, _ := textOf(raw)
	if word != "true" && word != "false" {
		return nil, false
	}
	return word == "true", true
}

// readNames reads which claims are to be had elsewhere; where is not of interest.
func readNames(raw json.RawMessage) (any, bool) {
	var names map[string]json.RawMessage
	if json.Unmarshal(raw, &names) != nil {
		return nil, false
	}
	read := make(map[string]string, len(names))
	for name := range names {
		read[name] = ""
	}
	return read, true
}
