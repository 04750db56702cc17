import { ApiProperty } from '@nestjs/swagger';
import { type CostEstimate, formatUsd } from '../../ai-providers';

class CostRangeResponse {
  @ApiProperty({ example: '0.0000125', description: 'USD without any output' })
  low: string;

  @ApiProperty({
    example: '0.0412',
    description: 'USD with maxTokens of output, or the usual limit',
  })
  high: string;
}

export class EstimateResponse {
  @ApiProperty({ type: 'integer' })
  inputTokens: number;

  @ApiProperty({
    type: CostRangeResponse,
    nullable: true,
    description: 'null: the price is unknown',
  })
  costUsd: CostRangeResponse | null;

  @ApiProperty({
    enum: ['tokenizer', 'heuristic', 'exact'],
    description: 'How the input was counted; heuristic: four characters a token, ± 25 %',
  })
  method: string;
}

export function presentEstimate({ inputTokens, nanoUsd, method }: CostEstimate): EstimateResponse {
  const costUsd = nanoUsd && { low: formatUsd(nanoUsd.low), high: formatUsd(nanoUsd.high) };
  return { inputTokens, costUsd, method };
}
