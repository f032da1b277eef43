// Package playground is the page at /: GraphiQL with an explorer, a place for the API key,
// and what a query cost.
//
// Its sources are in web/, which is bundled into this package's folder dist before the
// program is compiled (see the Makefile). Nothing built is committed, so a program that was
// compiled without that step has no page of its own: see [Built].
package playground

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/partnergraph/partnergraph/internal/compress"
)

// The bundler leaves each file gzipped, since all of them are text or fonts and every
// browser reads them so.
//
//go:embed all:dist
var dist embed.FS

// The examples, each with data in the sandbox. The page opens them as its first
// tabs, in this order.
var (
	//go:embed examples/walk.graphql
	Walk string // the whole walk, over all accounts, in one query
	//go:embed examples/owed.graphql
	Owed string // payouts to come
	//go:embed examples/accounts.graphql
	Accounts string // what each account can do, for no call to a vendor
	//go:embed examples/changes.graphql
	Changes string // a subscription to what changes
)

// Assets is the path under which everything but the page itself is served.
const Assets = "/assets/"

// policy lets the page load from, and talk to, nobody but this server. Inline styles are
// for Monaco, the editor inside GraphiQL, which sets its colours and sizes so; fonts and
// pictures as data: are in its style sheets.
const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; " +
	"connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// kinds are the media types of all that the bundler makes. The machine's own table may lack
// some, or say otherwise.
var kinds = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".ttf":  "font/ttf",
	".txt":  "text/plain; charset=utf-8", // licences
}

// Built reports whether the program was compiled with the page.
func Built() bool {
	_, err := fs.Stat(dist, "dist/index.html.gz")
	return err == nil
}

// Handler serves the page at / and what it loads under [Assets]; where the page is not
// [Built], 404 for both. It says what the page may load; the headers that every answer has
// are its caller's. It is safe for concurrent use.
func Handler() http.Handler {
	built, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return serve(built)
}

// asset is a file as it is sent: each form and the hash are made once, when they are first
// asked for.
type asset struct {
	zipped []byte
	plain  func() ([]byte, error)
	tag    func() string
}

// assets are the files of a built page, by their paths without .gz.
func assets(files fs.FS) map[string]*asset {
	all := map[string]*asset{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		plainName, zipped := strings.CutSuffix(name, ".gz")
		if err != nil || entry.IsDir() || !zipped {
			return err
		}
		content, err := fs.ReadFile(files, name)
		all[plainName] = &asset{content, sync.OnceValues(func() ([]byte, error) { return gunzip(content) }),
			sync.OnceValue(func() string { return fmt.Sprintf(`W/"%x"`, sha256.Sum256(content)) })}
		return err
	})
	if err != nil {
		panic(err) // the files are embedded
	}
	return all
}

func serve(files fs.FS) http.Handler {
	all := assets(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Vary", "Accept-Encoding")
		name := strings.TrimPrefix(r.URL.Path, "/")
		if name == "" {
			name = "index.html"
		}
		file, ok := all[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if strings.HasPrefix(r.URL.Path, Assets) {
			h.Set("Cache-Control", "public, max-age=31536000, immutable") // the name holds the content's hash
		} else {
			h.Set("Cache-Control", "no-cache")
			h.Set("ETag", file.tag())
		}
		h.Set("Content-Type", kinds[path.Ext(name)])
		content := file.zipped
		if compress.Weigh(r.Header["Accept-Encoding"])[compress.Gzip] > 0 {
			h.Set("Content-Encoding", "gzip")
		} else {
			var err error
			if content, err = file.plain(); err != nil {
				http.Error(w, "the page is damaged: build it again", http.StatusInternalServerError)
				return
			}
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
}

func gunzip(b []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
