package config

import (
	_ "embed"
	"encoding"
	"fmt"
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// Field describes one setting: its names, its manual and where its value lives.
type Field struct {
	// Key is the path in the TOML file: mail.lmtp_listen.
	Key string
	// Doc is the manual, one paragraph.
	Doc string
	// Placeholder stands for the value in help: ADDRESS.
	Placeholder string
	// Group is one of the groups of Groups.
	Group string
	// Everywhere says that every command heeds the setting, not only the server.
	Everywhere bool

	index []int
}

// Flag is the name on the command line, without the dashes.
func (f Field) Flag() string { return strings.NewReplacer(".", "-", "_", "-").Replace(f.Key) }

// Env is the name of the variable.
func (f Field) Env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(f.Key, ".", "_"))
}

// Brief is the first sentence of the manual.
func (f Field) Brief() string {
	for i := 0; i+1 < len(f.Doc); i++ {
		if f.Doc[i] == '.' && f.Doc[i+1] == ' ' {
			return f.Doc[:i+1]
		}
	}
	return f.Doc
}

// Value prints the field's value in s as it would be given, lists joined by commas.
func (f Field) Value(s *Settings) string { return format(f.value(s)) }

// Default is the value without any setting; "" where it follows from others.
func (f Field) Default() string { return f.Value(Default()) }

func (f Field) value(s *Settings) reflect.Value {
	return reflect.ValueOf(s).Elem().FieldByIndex(f.index)
}

// set reads text into the field of s, as from the environment.
func (f Field) set(s *Settings, text string) error { return parse(f.value(s), text) }

// Groups are the parts of the manual, in order: name and title.
func Groups() [][2]string {
	return [][2]string{
		{"storage", "Storage"},
		{"http", "Network"},
		{"tls", "https"},
		{"mail", "Mail and reminders"},
		{"webhook", "Webhooks"},
		{"limit", "Limits"},
		{"log", "Log"},
	}
}

// Fields lists all settings in the order of the manual.
var Fields = sync.OnceValue(func() []Field {
	docs := fieldDocs()
	var out []Field
	var walk func(t reflect.Type, prefix string, index []int)
	walk = func(t reflect.Type, prefix string, index []int) {
		for sf := range t.Fields() {
			if !sf.IsExported() {
				continue
			}
			at := append(append([]int(nil), index...), sf.Index...)
			key := prefix + sf.Tag.Get("toml")
			if _, group := sf.Tag.Lookup("embed"); group {
				walk(sf.Type, key+".", at)
				continue
			}
			out = append(out, Field{
				Key:         key,
				Doc:         docs[t.Name()+"."+sf.Name],
				Placeholder: sf.Tag.Get("placeholder"),
				Group:       sf.Tag.Get("group"),
				Everywhere:  sf.Tag.Get("scope") == "all",
				index:       at,
			})
		}
	}
	walk(reflect.TypeFor[Settings](), "", nil)
	return out
})

//go:embed settings.go
var settingsSource string

// fieldDocs reads the comments of settings.go, so that there is one manual only.
// The map is keyed Type.Field.
func fieldDocs() map[string]string {
	docs := map[string]string{}
	file, err := parser.ParseFile(token.NewFileSet(), "settings.go", settingsSource, parser.ParseComments)
	if err != nil {
		return docs // cannot be: the compiler has read the same file
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		st, ok := spec.Type.(*ast.StructType)
		if !ok {
			return false
		}
		for _, f := range st.Fields.List {
			if f.Doc == nil || len(f.Names) == 0 {
				continue
			}
			text := strings.Join(strings.Fields(f.Doc.Text()), " ")
			docs[spec.Name.Name+"."+f.Names[0].Name] = text
		}
		return false
	})
	return docs
}

// parse reads text into v, a field of Settings.
func parse(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		switch strings.ToLower(strings.TrimSpace(text)) {
		case "true", "yes", "on", "1":
			v.SetBool(true)
		case "false", "no", "off", "0":
			v.SetBool(false)
		default:
			return fmt.Errorf("%q is neither true nor false", text)
		}
	case reflect.Int:
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		v.SetInt(int64(n))
	case reflect.Slice:
		var list []string
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
		v.Set(reflect.ValueOf(list))
	default:
		return fmt.Errorf("cannot read a %s", v.Type())
	}
	return nil
}

func format(v reflect.Value) string {
	if list, ok := v.Interface().([]string); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(v.Interface())
}

// Manual is all settings as a TOML file in which every line is a comment, so
// that `kalends help settings > kalends.toml` gives a file to start from.
func Manual() string {
	var b strings.Builder
	b.WriteString(`# Settings of Kalends.
#
# A setting is taken from the command line (--mail-from), else from the environment
# (KALENDS_MAIL_FROM; an empty variable counts as absent), else from this file, else it has
# the default shown. Lists are comma-separated outside this file. This file is
# kalends.toml in the current folder, or the one named by --config or KALENDS_CONFIG;
# a key that is not below is an error.
`)
	table := ""
	for _, f := range Fields() {
		key := f.Key
		if t, name, ok := strings.Cut(f.Key, "."); ok {
			if t != table {
				table = t
				fmt.Fprintf(&b, "\n# [%s]\n", t)
			}
			key = name
		}
		b.WriteString("\n")
		p := comment.Printer{TextPrefix: "# ", TextWidth: 90}
		var parser comment.Parser
		b.Write(p.Text(parser.Parse(f.Doc)))
		fmt.Fprintf(&b, "# --%s  %s\n# %s = %s\n", f.Flag(), f.Env(), key, f.example())
	}
	return b.String()
}

// example is the default value in TOML, or an empty one.
func (f Field) example() string {
	v := f.value(Default())
	switch {
	case v.Kind() == reflect.Slice:
		return "[]"
	case v.Kind() == reflect.Bool, v.Kind() == reflect.Int:
		return format(v)
	}
	if n, err := strconv.Atoi(format(v)); err == nil {
		return strconv.Itoa(n)
	}
	return strconv.Quote(format(v))
}
