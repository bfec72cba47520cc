import type { Command } from 'commander';

/** Makes a command's error about too many arguments name the option that was probably meant. */
export const suggestOption = (command: Command, option: string): Command =>
  command.configureOutput({
    outputError: (text, write) =>
      write(text.includes('too many arguments') ? `${text.trimEnd()} Did you mean ${option}?\n` : text),
  });
