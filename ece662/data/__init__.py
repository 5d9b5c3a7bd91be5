"""Where the images come from, and where they are kept.

====================  =====================================================
module                what it does
====================  =====================================================
:mod:`.classes`       names the classes and the splits
:mod:`.synthetic`     draws the embedded default set
:mod:`.fetch`         downloads the official archive and checks it
:mod:`.entries`       walks through an archive or a folder, trusting nothing
:mod:`.archive`       picks and decodes the pictures in it
:mod:`.cache`         keeps a data set on disk: whole, or not at all
:mod:`.lazy`          turns stored bytes into floats when they are needed
:mod:`.mirrored`      turns training pictures around at random
:mod:`.sheet`         lays pictures out on a page, to be looked at
:mod:`.pictures`      holds two photographs for the hand-made filters of Q4
====================  =====================================================

Students call :func:`ece662.data_utils.get_CINIC10_data`, the front of all this.
"""
