"""The subcommands of ``ece662-staff``, one module each, as in `ece662.commands`."""
