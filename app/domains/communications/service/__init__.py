"""The verbs of the communications room. None commits."""

from app.domains.communications.models import Message
from app.domains.communications.service.delivering import deliver, undelivered
from app.domains.communications.service.messages import (
    all_messages,
    get_message,
    queue_mail,
    queue_sms,
    queue_welcome,
    withdraw,
)
from app.domains.communications.service.secret_links import (
    expire_secret_links,
    find_secret_link,
    make_secret_link,
    reveal_secret,
)
from app.domains.communications.service.templates import (
    all_templates,
    create_template,
    get_template,
    preview,
    update_template,
    variables_of_template,
)
from app.domains.communications.service.wordings import seed

__all__ = [
    "Message",
    "all_messages",
    "all_templates",
    "create_template",
    "deliver",
    "expire_secret_links",
    "find_secret_link",
    "get_message",
    "get_template",
    "make_secret_link",
    "preview",
    "queue_mail",
    "queue_sms",
    "queue_welcome",
    "reveal_secret",
    "seed",
    "undelivered",
    "update_template",
    "variables_of_template",
    "withdraw",
]
