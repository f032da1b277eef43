package main

import (
	_ "embed"
	"fmt"
	"go/types"
	"path/filepath"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/codegen/templates"
	"github.com/vektah/gqlparser/v2/ast"
)

//go:embed noun.gotpl
var nounTemplate string

// noun is what a file of the schema declares.
type noun struct {
	Objects    []object
	Interfaces []*codegen.Interface
}

// object is a type of the schema, with the code that writes each of its fields.
type object struct {
	*codegen.Object
	subscription string // the name of the root type of subscriptions; "" where there is none
}

// render writes a file for each file of the schema.
func render(data *codegen.Data, dir string) error {
	nouns := map[string]*noun{}
	declared := func(at *ast.Position) *noun {
		name := strings.TrimSuffix(filepath.Base(at.Src.Name), filepath.Ext(at.Src.Name))
		if nouns[name] == nil {
			nouns[name] = &noun{}
		}
		return nouns[name]
	}
	subscription := ""
	if data.SubscriptionRoot != nil {
		subscription = data.SubscriptionRoot.Name
	}
	for _, o := range data.Objects {
		n := declared(o.Position)
		n.Objects = append(n.Objects, object{o, subscription})
	}
	for _, i := range data.Interfaces {
		n := declared(i.Position)
		n.Interfaces = append(n.Interfaces, i)
	}
	for name, n := range nouns {
		slices.SortFunc(n.Interfaces, func(a, b *codegen.Interface) int { return strings.Compare(a.Name, b.Name) })
		err := templates.Render(templates.Options{
			PackageName:     data.Config.Exec.Package,
			Filename:        filepath.Join(dir, name+".generated.go"),
			Data:            n,
			GeneratedHeader: true,
			Packages:        data.Config.Packages,
			Template:        nounTemplate,
			PruneOptions:    data.Config.GetPruneOptions(),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Events says whether the object is Subscription, of which gqlgen executes a function for
// each event.
func (o object) Events() bool { return o.Definition.Name == o.subscription }

// Fields are the fields, each with what it takes to write it.
func (o object) Fields() (fields []field) {
	for _, f := range o.Object.Fields {
		fields = append(fields, field{f})
	}
	return fields
}

// field is a field of an object.
type field struct{ *codegen.Field }

// unsupported ends the generation: the schema, or gqlgen.yml, uses a feature that the templates
// do not have.
func (f field) unsupported(feature string) string {
	panic(fmt.Errorf("graph/plugin: %s.%s: %s is not supported; see render.go", f.Object.Name, f.Name, feature))
}

// Code is the statements that write the value of the field. They set ok to false where null
// is written in the place of a value that must not be null.
func (f field) Code() string { return f.code(f.TypeReference.GQL.NonNull) }

// RootCode is Code for a field of a root type: it sets ok to false for every null.
func (f field) RootCode() string { return f.code(true) }

func (f field) code(strict bool) string {
	switch {
	case f.HasDirectives():
		return f.unsupported("a directive at run time")
	case f.Object.Stream, f.Batch, f.IsMap(), f.VOkFunc, f.HasHaser:
		return f.unsupported("a field that is no variable, method or resolver")
	}
	ref := f.TypeReference
	level := fmt.Sprintf("w.push(%q, f)\n", f.Object.Name)
	if f.IsVariable() && !f.IsResolver {
		value := f.GoReceiverName + "." + f.GoFieldName
		if ref.IsSlice() || ref.Definition.IsCompositeType() {
			return level + settle(strict, f.write(ref, value), "") + "w.pop()\n"
		}
		if !ref.IsNilable() {
			return f.scalar(ref, value) + "\n"
		}
		null := "w.null()"
		if ref.GQL.NonNull {
			null = level + "ok = w.missing()\nw.pop()"
		}
		return fmt.Sprintf("if v := %s; v == nil {\n%s\n} else {\n%s\n}\n", value, null, f.scalar(ref, deref(ref, "v")))
	}
	call, args := f.invocation(), ""
	if len(f.Args) > 0 {
		args = fmt.Sprintf("args, set := w.arguments(f, (*executionContext).%s)\n", f.ArgsFunc())
	}
	code := level + args
	how := "resolve(w, func(ctx context.Context)"
	if f.IsMethod() && !f.MethodHasContext {
		how = "evaluate(w, func()"
	}
	call = fmt.Sprintf("v, done := %s (%s, error) { return %s })\n", how, templates.CurrentImports.LookupType(ref.GO), call)
	if args != "" { // without them the field is null, and an error says why
		null := "w.null()\n"
		if strict {
			null += "ok = false\n"
		}
		return code + "if !set {\n" + null + "} else {\n" + call + settle(strict, f.write(ref, "v"), "done") + "}\nw.pop()\n"
	}
	return code + call + settle(strict, f.write(ref, "v"), "done") + "w.pop()\n"
}

// settle makes a statement of the expression that writes a value. It runs when condition holds.
func settle(strict bool, expression, condition string) string {
	switch {
	case strict && condition != "":
		return fmt.Sprintf("ok = %s && %s && ok\n", condition, expression)
	case strict:
		return fmt.Sprintf("ok = %s && ok\n", expression)
	case condition != "":
		return fmt.Sprintf("if %s {\n%s\n}\n", condition, expression)
	}
	return expression + "\n"
}

// invocation calls the resolver or method of the field: a value and an error.
func (f field) invocation() string {
	arguments := strings.ReplaceAll(f.CallArgs(), "fc.Args[", "args[")
	switch {
	case f.IsResolver:
		name := templates.UcFirst(f.Object.Name)
		resolver := "w.Resolvers." + name + "()"
		if !f.Object.Root {
			resolver = "s.resolver.(" + name + "Resolver)"
		}
		return resolver + "." + f.GoFieldName + "(" + arguments + ")"
	case f.IsMethod():
		receiver := f.GoReceiverName
		if receiver == "ec" {
			receiver = "w"
		}
		call := receiver + "." + f.GoFieldName + "(" + arguments + ")"
		if f.NoErr {
			call += ", nil"
		}
		return call
	}
	return f.unsupported("this kind of field")
}

// write is the expression that writes a value of a type: false where it wrote null.
func (f field) write(ref *config.TypeReference, value string) string {
	required := fmt.Sprint(ref.GQL.NonNull)
	def := ref.Definition
	switch {
	case ref.IsSlice():
		return f.writeList(ref, value)
	case ref.IsPtrToSlice(), ref.IsPtrToIntf(), ref.IsPtrToPtr(), ref.IsMap():
		return f.unsupported("the Go type " + ref.GO.String())
	case def.Kind == ast.Interface || def.Kind == ast.Union:
		if ref.GQL.NonNull {
			return f.unsupported("an interface that must not be null")
		}
		return fmt.Sprintf("w._%s(f, %s)", def.Name, value)
	case def.Kind == ast.Object && ref.IsNilable():
		return fmt.Sprintf("object(w, f, %s, %s, (*writer)._%s)", value, required, def.Name)
	case def.Kind == ast.Object:
		return fmt.Sprintf("w._%s(f, &%s)", def.Name, value)
	}
	if !ref.IsNilable() {
		return fmt.Sprintf("scalar(w, %s, %s)", value, f.scalarFunc(ref))
	}
	if _, ok := ref.GO.(*types.Pointer); !ok {
		if ref.GQL.NonNull {
			return f.unsupported("a nil slice that must not be null")
		}
		return fmt.Sprintf("nilable(w, %s == nil, %s, %s)", value, value, f.scalarFunc(ref))
	}
	return fmt.Sprintf("pointer(w, %s, %s, %s)", value, required, f.scalarFunc(ref))
}

// writeList is write for lists.
func (f field) writeList(ref *config.TypeReference, value string) string {
	elem := ref.Elem()
	required := fmt.Sprint(elem.GQL.NonNull)
	var code string
	switch def := elem.Definition; {
	case elem.IsSlice():
		return f.unsupported("a list of lists")
	case def.Kind == ast.Interface || def.Kind == ast.Union:
		if elem.GQL.NonNull {
			return f.unsupported("an interface that must not be null")
		}
		code = fmt.Sprintf("interfaces(w, f, %s, (*writer)._%s)", value, def.Name)
	case def.Kind == ast.Object && elem.IsNilable():
		code = fmt.Sprintf("objects(w, f, %s, %s, (*writer)._%s)", value, required, def.Name)
	case def.Kind == ast.Object:
		code = fmt.Sprintf("structs(w, f, %s, %s, (*writer)._%s)", value, required, def.Name)
	case elem.IsNilable():
		return f.unsupported("a list of scalars that may be nil")
	default:
		code = fmt.Sprintf("scalars(w, %s, %s)", value, f.scalarFunc(elem))
	}
	if !ref.GQL.NonNull {
		code = fmt.Sprintf("optional(w, %s == nil, func() bool { return %s })", value, code)
	}
	return code
}

// scalarFunc is a function that writes a scalar or an enum.
func (f field) scalarFunc(ref *config.TypeReference) string {
	t := ref.GO
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	return fmt.Sprintf("func(w *writer, v %s) { %s }", templates.CurrentImports.LookupType(t), f.scalar(ref, "v"))
}

// scalar is the statement that writes a scalar or an enum that is not null. A marshal
// function of ours has an append function beside it: model.MarshalID and model.AppendID.
func (f field) scalar(ref *config.TypeReference, value string) string {
	switch {
	case ref.IsContext, ref.HasEnumValues():
		return f.unsupported("a marshaler with a context, or of enum values")
	case ref.IsMarshaler:
		return value + ".MarshalGQL(w)"
	case ref.Marshaler == nil:
		return f.unsupported("a scalar without a marshaler")
	}
	if ref.CastType != nil {
		value = templates.CurrentImports.LookupType(ref.CastType) + "(" + value + ")"
	}
	pkg, name := ref.Marshaler.Pkg(), ref.Marshaler.Name()
	switch ref.Marshaler.FullName() {
	case "github.com/99designs/gqlgen/graphql.MarshalString":
		return "w.string(" + value + ")"
	case "github.com/99designs/gqlgen/graphql.MarshalBoolean":
		return "w.boolean(" + value + ")"
	case "github.com/99designs/gqlgen/graphql.MarshalInt":
		return "w.integer(" + value + ")"
	}
	alias := templates.CurrentImports.Lookup(pkg.Path())
	if fast := "Append" + strings.TrimPrefix(name, "Marshal"); pkg.Scope().Lookup(fast) != nil {
		return fmt.Sprintf("w.buf = %s.%s(w.buf, %s)", alias, fast, value)
	}
	return fmt.Sprintf("%s.%s(%s).MarshalGQL(w)", alias, name, value)
}

// deref is the value behind a pointer.
func deref(ref *config.TypeReference, value string) string {
	if ref.IsPtr() {
		return "*" + value
	}
	return value
}
