// Command pulumi-stack-files answers what the Pulumi CLI hands to a program for stack files.
//
// It reads lines of JSON, each a stack file in base64, and answers each with a line: the configuration as
// text and the keys with secrets, or the CLI's error. A secret is answered as `[secure <ciphertext>]`.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/common/encoding"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
)

type question struct {
	Project string `json:"project"`
	Text    []byte `json:"text"`
}

type answer struct {
	Config      map[string]string `json:"config"`
	Secrets     []string          `json:"secrets"`
	Environment bool              `json:"environment"`
	Error       string            `json:"error,omitempty"`
}

type withoutKey struct{}

func (withoutKey) DecryptValue(_ context.Context, ciphertext string) (string, error) {
	return "[secure " + ciphertext + "]", nil
}

func (w withoutKey) BatchDecrypt(ctx context.Context, ciphertexts []string) ([]string, error) {
	decrypted := make([]string, len(ciphertexts))
	for i, ciphertext := range ciphertexts {
		decrypted[i], _ = w.DecryptValue(ctx, ciphertext)
	}
	return decrypted, nil
}

func read(asked question) (found answer) {
	// The CLI ends with a panic for some files.
	defer func() {
		if panicked := recover(); panicked != nil {
			found = answer{Error: fmt.Sprintf("panic: %v", panicked)}
		}
	}()
	project := &workspace.Project{Name: tokens.PackageName(asked.Project)}
	stack, err := workspace.LoadProjectStackBytes(nil, project, asked.Text, "Pulumi.prod.yaml", encoding.YAML)
	if err != nil {
		return answer{Error: err.Error()}
	}
	decrypted, err := stack.Config.Decrypt(withoutKey{})
	if err != nil {
		return answer{Error: err.Error()}
	}
	found = answer{Config: map[string]string{}, Secrets: []string{}, Environment: stack.Environment != nil}
	for key, text := range decrypted {
		found.Config[key.String()] = text
	}
	for _, key := range stack.Config.SecureKeys() {
		found.Secrets = append(found.Secrets, key.String())
	}
	return found
}

var _ config.Decrypter = withoutKey{}

func run(in io.Reader, out io.Writer) error {
	questions, answers := json.NewDecoder(bufio.NewReader(in)), json.NewEncoder(out)
	for {
		var asked question
		if err := questions.Decode(&asked); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := answers.Encode(read(asked)); err != nil {
			return err
		}
	}
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
