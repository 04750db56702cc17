import { Command, CommandRunner } from 'nest-commander';
import { RetireCommand } from './retire.command';
import { RewrapCommand } from './rewrap.command';
import { RotateDataKeyCommand } from './rotate-data-key.command';
import { RotateRootCommand } from './rotate-root.command';
import { StatusCommand } from './status.command';

@Command({
  name: 'keys',
  description: 'Root keys and data keys: inspect, rotate, retire. See docs/key-rotation.md.',
  subCommands: [
    StatusCommand,
    RotateRootCommand,
    RewrapCommand,
    RotateDataKeyCommand,
    RetireCommand,
  ],
})
export class KeysCommand extends CommandRunner {
  run(): Promise<void> {
    this.command.help();
    return Promise.resolve();
  }
}
