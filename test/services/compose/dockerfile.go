package main

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/opencontainers/go-digest"
)

type stage struct {
	Name         string        `json:"name"`
	From         string        `json:"from"`
	Instructions []instruction `json:"instructions"`
}

type instruction struct {
	Name string `json:"name"`
	// As written, on one line.
	Text string `json:"text"`
	// Of COPY and ADD.
	Sources []string `json:"sources,omitempty"`
	// The stage or image of COPY --from.
	From string `json:"from,omitempty"`
}

// noRegistry answers every image with an empty configuration: what a build adds is what is looked at.
type noRegistry struct{}

func (noRegistry) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, "", []byte(`{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/usr/local/bin:/usr/bin:/bin"]}}`), nil
}

func dockerfile(file string) (any, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	stages, err := stagesOf(text)
	if err != nil {
		return nil, err
	}
	images := map[string]any{}
	warnings := []string{}
	for _, one := range stages {
		_, image, _, _, err := dockerfile2llb.Dockerfile2LLB(context.Background(), text, dockerfile2llb.ConvertOpt{
			Config:       dockerui.Config{Target: one.Name},
			MetaResolver: noRegistry{},
			Warn: func(rule, _, _, message string, _ []parser.Range) {
				warnings = append(warnings, fmt.Sprintf("%s: %s: %s", one.Name, rule, message))
			},
		})
		if err != nil {
			return nil, fmt.Errorf("target %s: %w", one.Name, err)
		}
		images[one.Name] = image.Config
	}
	return map[string]any{"stages": stages, "images": images, "warnings": warnings}, nil
}

func stagesOf(text []byte) ([]stage, error) {
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	found, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		return nil, err
	}
	stages := []stage{}
	for _, one := range found {
		commands := []instruction{}
		for _, command := range one.Commands {
			commands = append(commands, instructionOf(command))
		}
		stages = append(stages, stage{Name: one.Name, From: one.BaseName, Instructions: commands})
	}
	return stages, nil
}

func instructionOf(command instructions.Command) instruction {
	result := instruction{Name: command.Name(), Text: fmt.Sprint(command)}
	switch typed := command.(type) {
	case *instructions.CopyCommand:
		result.Sources, result.From = typed.SourcePaths, typed.From
	case *instructions.AddCommand:
		result.Sources = typed.SourcePaths
	}
	return result
}
