import type { Command } from 'commander';

/** Adds the option that the user probably meant to a command's error about too many arguments. */
export const suggestOption = (command: Command, option: string): Command =>
  command.configureOutput({
    outputError: (text, write) =>
      write(text.includes('too many arguments') ? `${text.trimEnd()} Did you mean ${option}?\n` : text),
  });
