import { checkAnswers } from './answers.ts';
import { checkAuth } from './auth.ts';
import { checkAuthorization } from './authorization.ts';
import { checkBodyEdits } from './body-edits.ts';
import { checkCache } from './cache.ts';
import { checkCors } from './cors.ts';
import { checkDestinations } from './destinations.ts';
import { checkDiscovery } from './discovery.ts';
import { checkEndpoints } from './endpoints.ts';
import { checkFallback } from './fallback.ts';
import { checkFaults } from './faults.ts';
import { checkHeaderConditions } from './header-conditions.ts';
import { checkHeaderEdits } from './header-edits.ts';
import { checkHealthCheck } from './health-check.ts';
import { checkIssuer, checkIssuerSecret } from './issuer.ts';
import { checkListener } from './listener.ts';
import { checkLoadBalancing } from './load-balancing.ts';
import { checkMirror } from './mirror.ts';
import { checkNodeGroup } from './node-group.ts';
import { checkOutlierDetection } from './outlier-detection.ts';
import { checkRateLimits } from './rate-limits.ts';
import { checkRewrite } from './rewrite.ts';
import type { Rule } from './rule.ts';
import { checkTimeouts } from './timeouts.ts';
import { checkValidation } from './validation.ts';
import { checkWebSocket } from './web-socket.ts';

/** Every rule; each looks only at the kinds it is about. */
export const RULES: readonly Rule[] = [
  checkNodeGroup,
  checkListener,
  checkEndpoints,
  checkDiscovery,
  checkHealthCheck,
  checkOutlierDetection,
  checkHeaderConditions,
  checkDestinations,
  checkLoadBalancing,
  checkRewrite,
  checkBodyEdits,
  checkAnswers,
  checkFallback,
  checkFaults,
  checkMirror,
  checkAuth,
  checkAuthorization,
  checkIssuer,
  checkIssuerSecret,
  checkRateLimits,
  checkCors,
  checkCache,
  checkValidation,
  checkHeaderEdits,
  checkTimeouts,
  checkWebSocket,
];
