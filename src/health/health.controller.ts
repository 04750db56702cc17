import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  HealthCheck,
  HealthCheckService,
  type HealthCheckResult,
  HealthIndicatorService,
} from '@nestjs/terminus';
import { DataSource } from 'typeorm';
import { ApiKeySecrets } from '../api-keys';
import { AppError } from '../common';
import { ServerGate } from '../executions';
import { Public } from '../workspaces';

@ApiTags('Health')
@Public()
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly dataSource: DataSource,
    private readonly apiKeySecrets: ApiKeySecrets,
    private readonly gate: ServerGate,
  ) {}

  /** Whether the process works at all; asks nobody else. */
  @ApiOperation({ summary: 'Whether the process works' })
  @Get('live')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** Whether it can serve: 200, or 503 with the part that is down. */
  @ApiOperation({ summary: 'Whether the server can serve' })
  @Get('ready')
  @HealthCheck({ swaggerDocumentation: true })
  async ready(): Promise<HealthCheckResult> {
    try {
      return await this.health.check([
        async () => this.database(),
        async () => this.vault(),
        () => this.executions(),
        () => this.receipts(),
      ]);
    } catch (error) {
      throw error instanceof ServiceUnavailableException ? notReady(error.getResponse()) : error;
    }
  }

  private async database() {
    const indicator = this.indicators.check('database');
    try {
      await this.dataSource.query('SELECT 1');
      return indicator.up();
    } catch {
      return indicator.down({ message: 'PostgreSQL does not answer' });
    }
  }

  /** False while it shuts down, or while others may take it for dead. */
  private executions() {
    const indicator = this.indicators.check('executions');
    try {
      this.gate.assertOpen();
      return indicator.up();
    } catch (error) {
      const message = error instanceof AppError ? error.message : 'nothing can be started';
      return indicator.down({ message });
    }
  }

  /** What is unsettled waits for the database; what is quarantined waits for a person. */
  private receipts() {
    const indicator = this.indicators.check('receipts');
    const { writable, ...counts } = this.gate.receipts;
    const message = 'The receipt journal in the data directory cannot be written';
    return writable ? indicator.up(counts) : indicator.down({ ...counts, message });
  }

  /** A key that does not open concerns its workspace; the server serves all others. */
  private async vault() {
    const indicator = this.indicators.check('vault');
    try {
      return indicator.up({ unreadableApiKeys: await this.apiKeySecrets.countUnreadable() });
    } catch {
      return indicator.up();
    }
  }
}

/** The answer of terminus as a problem, which names each part that is down. */
function notReady(answer: string | object): AppError {
  const { error = {}, details = {} } = answer as Partial<HealthCheckResult>;
  const down = Object.entries(error).map(([part, state]) => `${part} (${String(state?.message)})`);
  return new AppError('not_ready', `Down: ${down.join('; ')}.`, { extensions: { details } });
}
