"""`sanitizer local`."""

from consumer.local import command

local = command.local
