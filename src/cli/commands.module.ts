import { Module } from '@nestjs/common';
import { AuditCommand, VerifyAuditCommand } from './audit.command';
import { DeleteAgainCommand } from './delete-again.command';
import { ExportAuditCommand } from './export-audit.command';
import { KeysCommand } from './keys.command';
import { RetireCommand } from './retire.command';
import { RewrapCommand } from './rewrap.command';
import { RotateDataKeyCommand } from './rotate-data-key.command';
import { RotateRootCommand } from './rotate-root.command';
import { StatusCommand } from './status.command';

/** The commands. None opens anything before it runs, so that `--help` needs no database. */
@Module({
  providers: [
    KeysCommand,
    StatusCommand,
    RotateRootCommand,
    RewrapCommand,
    RotateDataKeyCommand,
    RetireCommand,
    AuditCommand,
    VerifyAuditCommand,
    ExportAuditCommand,
    DeleteAgainCommand,
  ],
})
export class CommandsModule {}
