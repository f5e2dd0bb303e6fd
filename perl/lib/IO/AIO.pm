package IO::AIO;

use strict;
use warnings;

use base 'Exporter';

our $VERSION = 4.80;

our @AIO_REQ = qw(
    aio_sendfile aio_seek aio_read aio_write aio_open aio_close aio_stat aio_lstat aio_unlink aio_rmdir
    aio_readdir aio_readdirx aio_scandir aio_symlink aio_readlink aio_realpath aio_fcntl aio_ioctl aio_sync
    aio_fsync aio_syncfs aio_fdatasync aio_sync_file_range aio_pathsync aio_readahead aio_fiemap aio_allocate
    aio_rename aio_rename2 aio_link aio_move aio_copy aio_group aio_nop aio_mknod aio_load aio_rmtree aio_mkdir
    aio_chown aio_chmod aio_utime aio_truncate aio_msync aio_mtouch aio_mlock aio_mlockall aio_statvfs aio_slurp
    aio_wd
);
our @EXPORT = (@AIO_REQ, qw(aioreq_pri aioreq_nice));
push @AIO_REQ, 'aio_busy';
our @EXPORT_OK = qw(
    poll_fileno poll_cb poll_wait flush min_parallel max_parallel max_idle idle_timeout nreqs nready npending
    nthreads max_poll_time max_poll_reqs sendfile fadvise madvise mmap munmap mremap mprotect munlock munlockall
    accept4 tee splice pipe2 pipesize fexecve mount umount memfd_create eventfd timerfd_create timerfd_settime
    timerfd_gettime pidfd_open pidfd_send_signal pidfd_getfd
);

@IO::AIO::GRP::ISA = 'IO::AIO::REQ';

require XSLoader;
XSLoader::load('IO::AIO', $VERSION);

# What is still to be done when the program ends is done.
END { flush() }

1;
