"""What each built-in service code sets up for a tenant, and how it is taken away again.

Setting up twice finds what is there; taking away what is gone does nothing. The operations of one code each are in
`operations`; a service code of somebody else's brings its own.
"""

from app.domains.activation.service.setup.access import forget_radius, set_up_radius
from app.domains.activation.service.setup.automation import enable_automation, forget_automation
from app.domains.activation.service.setup.invoicing import open_billing, stop_billing
from app.domains.activation.service.setup.monitoring import forget_monitoring, set_up_monitoring
from app.domains.activation.service.setup.outcome import Setup, activation_for
from app.domains.activation.service.setup.reporting import forget_reports, set_up_reports
from app.domains.activation.service.setup.subscribers import forget_subscribers, set_up_subscribers

__all__ = [
    "Setup",
    "activation_for",
    "enable_automation",
    "forget_automation",
    "forget_monitoring",
    "forget_radius",
    "forget_reports",
    "forget_subscribers",
    "open_billing",
    "set_up_monitoring",
    "set_up_radius",
    "set_up_reports",
    "set_up_subscribers",
    "stop_billing",
]
