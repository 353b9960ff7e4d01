"""Pure decisions about messages: their words, who may get them, links to secrets."""
