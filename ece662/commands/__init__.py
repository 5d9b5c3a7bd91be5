"""The subcommands of ``ece662``, one module each.

A command module has three names: ``HELP``, what it does in half a line;
``configure(parser)``, which adds its arguments; and ``run(args)``, which does the work
and returns the exit code. One that leaves ``OTHER_ARGUMENTS = True`` finds what its
parser did not know in ``args.others``. Importing a command imports nothing heavy: that
happens in ``run``. `ece662.commands.cli` lists the commands.
"""
