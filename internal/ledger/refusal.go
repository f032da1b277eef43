package ledger

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
)

// refusal reads the error of a call: the problems with the input that the vendor refused, if any,
// and whether it is proven that nothing was written.
func refusal(plan *providers.Write, err error) (problems providers.Problems, nothing bool) {
	if errors.As(err, &problems) {
		return problems, true
	}
	if e := (*providers.Error)(nil); errors.As(err, &e) && e.Refused && codes[e.Kind] != "" {
		return said(plan, e), true
	}
	return nil, providers.NothingWritten(err)
}

// codes are what a vendor's refusal is, by its kind.
var codes = map[providers.Kind]providers.ProblemCode{
	providers.KindInvalid:  providers.ProblemInvalid,
	providers.KindNotFound: providers.ProblemNotFound,
	providers.KindConflict: providers.ProblemConflict,
}

// sentences are what a caller is told of a refusal. What the vendor said is in the log only.
var sentences = map[providers.ProblemCode]string{
	providers.ProblemInvalid:  "the vendor does not accept this",
	providers.ProblemTaken:    "the vendor says that another record has this already",
	providers.ProblemNotFound: "the vendor does not have this record",
	providers.ProblemConflict: "the vendor says that this does not agree with what is there",
}

// said is what a vendor's refusal means for the input. Equal problems are told once: so
// there are no more than the input has fields, however many the vendor names.
func said(plan *providers.Write, e *providers.Error) (problems providers.Problems) {
	type told struct {
		code  providers.ProblemCode
		field string
	}
	known := map[told]bool{}
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		code := codes[e.Kind]
		if taken(strings.Join(e.Fields[name], " ")) {
			code = providers.ProblemTaken
		}
		kind := told{code, plan.Fields[name]}
		if !known[kind] {
			known[kind] = true
			problems = append(problems, providers.Problemf(code, kind.field, "%s", sentences[code])...)
		}
	}
	if len(problems) == 0 {
		problems = providers.Problemf(codes[e.Kind], "", "%s", sentences[codes[e.Kind]])
	}
	return problems
}

// taken says whether a vendor's words mean that something has to be unique and is not.
func taken(words string) bool {
	words = strings.ToLower(words)
	return slices.ContainsFunc(
		[]string{"taken", "already", "exists", "duplicate", "unique"},
		func(w string) bool { return strings.Contains(words, w) },
	)
}
