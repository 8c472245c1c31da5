// Command compose reads compose files and Dockerfiles with Docker's own parsers and prints what they hold as JSON, for tests on
// machines without a container engine. It exits with 1, and the parser's message on stderr, for a file that Docker would refuse.
//
// Usage:
//
//	compose project FILE                the project of a compose file, as `docker compose config` has it
//	compose dockerfile FILE             its stages, the images that its targets make, and the warnings of `docker build --check`
//	compose ignored DOCKERIGNORE PATH…  those of the paths that are not sent to a build
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

func main() {
	result, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) (any, error) {
	if len(args) < 2 {
		return nil, fmt.Errorf("usage: compose project|dockerfile|ignored FILE [PATH…]")
	}
	switch args[0] {
	case "project":
		return project(args[1])
	case "dockerfile":
		return dockerfile(args[1])
	case "ignored":
		return ignored(args[1], args[2:])
	}
	return nil, fmt.Errorf("%s: no such command", args[0])
}

// project validates against the schema, resolves and checks a compose file. No variable is set: those without a default warn.
func project(file string) (any, error) {
	absolute, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	options, err := cli.NewProjectOptions([]string{absolute}, cli.WithWorkingDirectory(filepath.Dir(absolute)))
	if err != nil {
		return nil, err
	}
	loaded, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	canonical, err := loaded.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return json.RawMessage(canonical), nil
}

func ignored(file string, paths []string) (any, error) {
	opened, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	patterns, err := ignorefile.ReadAll(opened)
	if err != nil {
		return nil, err
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, err
	}
	found := []string{}
	for _, path := range paths {
		out, err := matcher.MatchesOrParentMatches(path)
		if err != nil {
			return nil, err
		}
		if out {
			found = append(found, path)
		}
	}
	return found, nil
}
