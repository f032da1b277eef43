package rest

import (
	"cmp"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// hidden stands where something private stood.
const hidden = "…"

// email is anything that may be an address, also within an encoded URL.
var email = regexp.MustCompile(`[^\s"'<>()\[\],;:=@/?&|]+(?:@|%40)[^\s"'<>()\[\],;:=@/?&|]+`)

// hide is err without what a vendor, or the way there, repeats of what is private. An error
// that repeats nothing stays as it is; of another only the text is left, since its causes
// repeat it too.
func (c *Client) hide(r Request, err error) error {
	if err == nil {
		return nil
	}
	said := err.Error()
	if clean := c.hideText(r, said); clean != said {
		return errors.New(clean)
	}
	return err
}

// hideFields is the same for what a vendor says of single fields.
func (c *Client) hideFields(r Request, fields map[string][]string) map[string][]string {
	if fields == nil {
		return nil
	}
	clean := make(map[string][]string, len(fields))
	for name, said := range fields {
		for _, s := range said {
			clean[name] = append(clean[name], c.hideText(r, s))
		}
	}
	return clean
}

func (c *Client) hideText(r Request, s string) string {
	private := c.private(r)
	pairs := make([]string, 0, 2*len(private))
	for _, p := range private {
		pairs = append(pairs, p, hidden)
	}
	return email.ReplaceAllString(strings.NewReplacer(pairs...).Replace(s), hidden)
}

// private is what must not be repeated of a request, longest first: the headers' values, a token
// also without its scheme, the private parameters, and what a private path has in place of Op's.
func (c *Client) private(r Request) []string {
	var found []string
	add := func(s string) {
		found = append(found, s, url.QueryEscape(s), url.PathEscape(s))
	}
	for _, values := range c.c.Header {
		for _, v := range values {
			add(v)
			if _, token, ok := strings.Cut(v, " "); ok {
				add(token)
			}
		}
	}
	for _, name := range c.c.Private {
		for _, v := range slices.Concat(r.Query[name], r.Form[name]) {
			add(v)
		}
	}
	if r.PrivatePath {
		known := strings.Split(r.Op, "/")
		for segment := range strings.SplitSeq(r.Path, "/") {
			if slices.Contains(known, segment) {
				continue
			}
			found = append(found, segment)
			if plain, err := url.PathUnescape(segment); err == nil {
				add(plain)
			}
		}
	}
	found = slices.DeleteFunc(found, func(s string) bool { return s == "" })
	slices.SortFunc(found, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return found
}
