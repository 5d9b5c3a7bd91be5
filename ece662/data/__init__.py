"""Where the images come from, and where they are kept.

====================  =====================================================
module                what it does
====================  =====================================================
:mod:`.classes`       names the six classes and the three splits
:mod:`.synthetic`     draws the embedded default set
:mod:`.archive`       reads CINIC-10, packed or unpacked, into arrays
:mod:`.fetch`         downloads the official archive and checks it
:mod:`.cache`         keeps arrays on disk: where, atomically, under a lock
====================  =====================================================

Students call :func:`ece662.data_utils.get_CINIC10_data`, the front of all this.
"""
